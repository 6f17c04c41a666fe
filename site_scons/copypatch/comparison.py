"""What an edit did to the machine code: two builds' stencils compared, uop by uop.

Addresses are noise: an instruction more moves every jump and every slot behind it. So instructions are compared by
their text with holes by name, and jumps by the instruction that they lead to; holes by what they are called.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from copypatch.listing import Instruction, Listing, NamedHole


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is counted of a uop or of all: bytes of code and data, instructions, and holes."""

    code: int = 0
    data: int = 0
    instructions: int = 0
    holes: int = 0

    def __add__(self, other: Sizes) -> Sizes:
        return Sizes(
            self.code + other.code,
            self.data + other.data,
            self.instructions + other.instructions,
            self.holes + other.holes,
        )

    @property
    def bytes(self) -> int:
        """Code and data together."""
        return self.code + self.data


def sizes(listing: Listing) -> Sizes:
    """Count a uop."""
    return Sizes(len(listing.code), len(listing.data), len(listing.copied), len(listing.holes))


@dataclass(frozen=True, slots=True)
class ChangedHole:
    """A hole of the same name on both sides that is filled in another way."""

    before: NamedHole
    after: NamedHole


@dataclass(frozen=True, slots=True)
class Row:
    """A line of two listings side by side; None where one side has nothing. *same*: no difference but addresses."""

    before: Instruction | None
    after: Instruction | None
    same: bool


@dataclass(frozen=True, slots=True)
class UopChange:
    """A uop that both sides have, and what is different. *lines* counts instructions added, removed or changed."""

    opname: str
    before: Sizes
    after: Sizes
    added: tuple[NamedHole, ...]
    removed: tuple[NamedHole, ...]
    changed: tuple[ChangedHole, ...]
    lines: int
    data_differs: bool

    @property
    def grown(self) -> int:
        """Bytes of code and data more than before."""
        return self.after.bytes - self.before.bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two builds of one target. *changed* begins with what changed most; *before* and *after* are over all uops."""

    before: Sizes
    after: Sizes
    changed: tuple[UopChange, ...]
    added: Mapping[str, Sizes]
    removed: Mapping[str, Sizes]
    unchanged: int

    @property
    def grown(self) -> int:
        """Bytes of code and data more than before, over all uops."""
        return self.after.bytes - self.before.bytes


def compare(before: Iterable[Listing], after: Iterable[Listing]) -> Comparison:
    """Compare two builds."""
    old, new = {one.opname: one for one in before}, {one.opname: one for one in after}
    changes = [compare_uop(old[name], new[name]) for name in new if name in old and old[name] != new[name]]
    return Comparison(
        before=sum(map(sizes, old.values()), Sizes()),
        after=sum(map(sizes, new.values()), Sizes()),
        changed=tuple(sorted((change for change in changes if _differs(change)), key=_weight)),
        added={name: sizes(new[name]) for name in new if name not in old},
        removed={name: sizes(old[name]) for name in old if name not in new},
        unchanged=sum(name in old for name in new) - sum(map(_differs, changes)),
    )


def _differs(change: UopChange) -> bool:
    holes = change.added or change.removed or change.changed
    return bool(change.grown or change.before != change.after or change.lines or holes or change.data_differs)


def _weight(change: UopChange) -> tuple[int, int, int, str]:
    holes = len(change.added) + len(change.removed) + len(change.changed)
    return -abs(change.grown), -change.lines, -holes, change.opname


def compare_uop(before: Listing, after: Listing) -> UopChange:
    """Compare the stencils of one uop."""
    added, removed, changed = _compare_holes(before.holes, after.holes)
    lines = sum(not row.same for row in side_by_side(before, after))
    return UopChange(
        after.opname, sizes(before), sizes(after), added, removed, changed, lines, before.data != after.data
    )


def _compare_holes(
    before: Sequence[NamedHole], after: Sequence[NamedHole]
) -> tuple[tuple[NamedHole, ...], tuple[NamedHole, ...], tuple[ChangedHole, ...]]:
    old, new = _by_name(before), _by_name(after)
    added, removed, changed = [], [], []
    for key in {**old, **new}:
        gone, come = _without_common(old.get(key, []), new.get(key, []))
        pairs = min(len(gone), len(come))
        changed += [ChangedHole(*pair) for pair in zip(gone[:pairs], come[:pairs], strict=True)]
        removed += gone[pairs:]
        added += come[pairs:]
    return tuple(added), tuple(removed), tuple(changed)


def _by_name(holes: Sequence[NamedHole]) -> dict[tuple[str, str], list[NamedHole]]:
    found: dict[tuple[str, str], list[NamedHole]] = defaultdict(list)
    for hole in holes:
        found[hole.part, hole.name].append(hole)
    return found


def _without_common(
    before: Sequence[NamedHole], after: Sequence[NamedHole]
) -> tuple[list[NamedHole], list[NamedHole]]:
    """Take away pairs that are filled in the same way, wherever they are."""
    gone = list(before)
    come = []
    for hole in after:
        same = next((index for index, one in enumerate(gone) if one.filling == hole.filling), None)
        if same is None:
            come.append(hole)
        else:
            del gone[same]
    return gone, come


def side_by_side(before: Listing, after: Listing) -> list[Row]:
    """Put the instructions of two listings side by side; equal ones face each other."""
    old, new = before.instructions, after.instructions
    keys = [[_key(one) for one in side] for side in (old, new)]
    pairs: list[tuple[int | None, int | None]] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += zip(range(i1, i2), range(j1, j2), strict=True)
        else:
            length = max(i2 - i1, j2 - j1)
            left, right = [*range(i1, i2)], [*range(j1, j2)]
            pairs += zip(_filled(left, length), _filled(right, length), strict=True)
    facing = {(i, j) for i, j in pairs if i is not None and j is not None}
    places = [{one.offset: index for index, one in enumerate(side)} for side in (old, new)]
    rows = []
    for i, j in pairs:
        if i is None or j is None:
            rows.append(Row(None if i is None else old[i], None if j is None else new[j], same=False))
        else:
            same = keys[0][i] == keys[1][j] and _same_target(old[i], new[j], places, facing)
            rows.append(Row(old[i], new[j], same))
    return rows


def _key(instruction: Instruction) -> tuple[object, ...]:
    holes = tuple((hole.name, *hole.filling) for hole in instruction.holes)
    return instruction.plain, instruction.target is not None, instruction.dropped, holes


def _filled(indices: Sequence[int], length: int) -> list[int | None]:
    return [*indices, *[None] * (length - len(indices))]


def _same_target(
    before: Instruction, after: Instruction, places: Sequence[Mapping[int, int]], facing: set[tuple[int, int]]
) -> bool:
    if before.target is None or after.target is None:
        return before.target == after.target
    there, here = places[0].get(before.target), places[1].get(after.target)
    if there is None or here is None:
        # Into the middle of an instruction, or out of the code: distances are all there is.
        return before.target - before.offset == after.target - after.offset
    return (there, here) in facing

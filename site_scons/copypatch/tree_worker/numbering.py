"""The numbers that a generator gives to symbols, which depend on all uops, become names, which depend on one.

A uop is run twice, with different numbers; what differs in the text is a number, and leaves as a name that the
merge fills in.
"""

from __future__ import annotations

import re

from copypatch.tree_worker import Refused

# What the first symbol of a uop is numbered, in the one run and in the other.
FIRST, OTHER = 64, 160
_HEX = re.compile(r"0x[0-9a-f]+")
_MASK = re.compile(r"\{(0x[0-9a-f]+(?:, 0x[0-9a-f]+)*)\}")


class Symbols(dict):  # type: ignore[type-arg]
    """The symbols of one uop; the generator numbers a new one by how many there are."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self._first = first

    def __len__(self) -> int:
        return self._first + super().__len__()

    def __bool__(self) -> bool:
        return super().__len__() > 0


def paired(one: dict[str, int], other: dict[str, int]) -> list[tuple[str, int, int]]:
    """Return the symbols with the numbers that they have in either run. Raises Refused where they are others."""
    if list(one) != list(other):
        raise Refused("the tree's generator finds other symbols when they are numbered otherwise")
    return [(name, number, other[name]) for name, number in one.items()]


def named(one: str, other: str, numbered: list[tuple[str, int, int]]) -> str:
    """Put names for the numbers by which two texts differ. Raises Refused."""
    names = {(f"{a:#x}", f"{b:#x}"): name for name, a, b in numbered}
    first, second = one.split("\n"), other.split("\n")
    if len(first) != len(second):
        raise Refused("the tree's generator writes more lines when symbols are numbered otherwise")
    lines = []
    for a, b in zip(first, second, strict=True):
        if a != b:
            words, others = _HEX.findall(a), _HEX.findall(b)
            gaps = _HEX.split(a)
            if gaps != _HEX.split(b):
                raise Refused(f"a symbol's number is not told from the rest of {a.strip()!r}")
            lines.append(gaps[0])
            for word, its, gap in zip(words, others, gaps[1:], strict=True):
                if word != its and (word, its) not in names:
                    raise Refused(f"a symbol's number is not told from the rest of {a.strip()!r}")
                lines[-1] += (word if word == its else f"@ordinal({names[word, its]})@") + gap
            if lines[-1].count("@ordinal(") > 1:
                raise Refused(f"two symbols' numbers are in one line: {a.strip()!r}")
        else:
            lines.append(a)
    return "\n".join(lines)


def named_masks(one: str, other: str, numbers: dict[str, int], others: dict[str, int]) -> str:
    """Put names for the bits of the masks in a group's initializer. Raises Refused."""

    def replaced_in(text: str, numbers: dict[str, int]) -> str:
        names = {number: name for name, number in numbers.items()}

        def replaced(match: re.Match[str]) -> str:
            words = match[1].split(", ")
            bits = sum(int(word, 16) << 32 * place for place, word in enumerate(words))
            found = [number for number in range(bits.bit_length()) if bits >> number & 1]
            again = [f"{bits >> 32 * place & 0xFFFFFFFF:#04x}" for place in range(len(words))]
            if again != words or not all(number in names for number in found):
                raise Refused(f"a mask of symbols is not told from the rest of {text!r}")
            return f"@mask({','.join(names[number] for number in found)})@"

        return _MASK.sub(replaced, text)

    result = replaced_in(one, numbers)
    if result != replaced_in(other, others):
        raise Refused(f"a mask of symbols is not told from the rest of {one!r}")
    return result

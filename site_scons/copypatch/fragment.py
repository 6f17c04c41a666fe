"""The fragment, ``<op>.h``: the C text of one uop's ``emit_<op>``, and what the merge must know of it.

A fragment depends on its own uop alone. What only the whole set of uops determines, the ordinals of
trampolines, stays symbolic in it: ``@ordinal(name)@``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from copypatch.errors import MergeError
from copypatch.holes import ZERO, Hole, Stencil, StencilGroup

FORMAT = 1
_HEAD = f"// copypatch fragment {FORMAT} "
_BYTES_PER_ROW = 8


@dataclass(frozen=True, slots=True)
class TextRules:
    """How a dialect writes C.

    *parameters* are the lines of the parameter list of every emit function. *expressions* gives the C text of
    each run-time value. *strip_zeros* leaves trailing zero bytes to the initializer. *literal_zero* writes 0x0
    for a hole with neither base nor symbol nor addend, where other dialects write nothing. *fold_pairs* turns
    an adjacent patch_aarch64_21rx + patch_aarch64_12x of one value into one patch_aarch64_33rx.
    """

    parameters: tuple[str, ...]
    expressions: Mapping[str, str]
    strip_zeros: bool = True
    literal_zero: bool = True
    fold_pairs: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """What the merge needs of a fragment: sizes in bytes, the functions it reaches by trampoline, its C text.

    *group* is the uop's entry in the header's table, where the tree's own generator has worded it.
    """

    opname: str
    code_size: int
    data_size: int
    trampolines: tuple[str, ...]
    text: str
    group: str = ""


def write(group: StencilGroup, rules: TextRules) -> str:
    """Return the text of the group's fragment file."""
    head = {
        "uop": group.opname,
        "code_size": len(group.code.body),
        "data_size": len(group.data.body),
        "trampolines": group.trampolines,
    }
    return headed(head, "".join(f"{line}\n" for line in _lines(group, rules)))


def headed(head: Mapping[str, object], text: str) -> str:
    """Return the text of a fragment file from its C text and what is known of it."""
    return f"{_HEAD}{json.dumps(head)}\n{text}"


def parse(text: str, name: str) -> Fragment:
    """Return the fragment of a fragment file; *name* is what messages call it. Raises MergeError."""
    head, _, body = text.partition("\n")
    try:
        if not head.startswith(_HEAD):
            raise ValueError("no fragment of this version")
        record = json.loads(head[len(_HEAD) :])
        sizes, trampolines = (record["code_size"], record["data_size"]), record["trampolines"]
        if not all(isinstance(size, int) for size in sizes) or not isinstance(trampolines, list):
            raise TypeError("sizes are numbers, and trampolines a list")
        group = record.get("group", "")
        if not all(isinstance(name, str) for name in (record["uop"], group, *trampolines)):
            raise TypeError("names are texts")
        return Fragment(record["uop"], *sizes, tuple(trampolines), body, group)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MergeError(f"{name}: damaged fragment ({error}); delete it and build again") from error


def number(fragment: Fragment, ordinals: Mapping[str, int]) -> str:
    """Return the fragment's text with the ordinals of its trampolines filled in. Raises MergeError."""
    if not fragment.trampolines:
        return fragment.text
    try:
        return _ORDINAL.sub(lambda match: f"{match[1]}{ordinals[match[2]]:#x}{match[3]}", fragment.text)
    except KeyError as error:
        raise MergeError(
            f"{fragment.opname}: damaged fragment, it calls {error} without saying so; delete it and build again"
        ) from error


# Only a call that we wrote starts a line like this; a comment line starts with slashes, whatever it quotes.
_ORDINAL = re.compile(r"^(    [A-Za-z_][^\n]*?)@ordinal\(([^()\n]*)\)@([^\n]*)$", re.MULTILINE)


def _lines(group: StencilGroup, rules: TextRules) -> Iterator[str]:
    yield "void"
    yield f"emit_{group.opname}("
    *init, last = rules.parameters
    for line in init:
        yield f"    {line}"
    yield f"    {last})"
    yield "{"
    for part, stencil in (("code", group.code), ("data", group.data)):
        for line in stencil.disassembly:
            yield f"    // {line}"
        body = _shown(stencil, rules)
        if body:
            yield f"    const unsigned char {part}_body[{len(stencil.body)}] = {{"
            for start in range(0, len(body), _BYTES_PER_ROW):
                yield f"        {_row(body[start : start + _BYTES_PER_ROW])}"
            yield "    };"
    # Data first: a relaxation in the code looks at the data that it would load.
    for part, stencil in (("data", group.data), ("code", group.code)):
        if _shown(stencil, rules):
            yield f"    memcpy({part}, {part}_body, sizeof({part}_body));"
        for function, hole in _patches(stencil, rules):
            yield f"    {_call(part, function, hole, rules)}"
    yield "}"
    yield ""


_BYTE = tuple(f"{byte:#04x}," for byte in range(256))


def _row(body: bytes) -> str:
    return " ".join([_BYTE[byte] for byte in body])


def _shown(stencil: Stencil, rules: TextRules) -> bytes:
    return stencil.body.rstrip(b"\0") if rules.strip_zeros else stencil.body


def _patches(stencil: Stencil, rules: TextRules) -> Iterator[tuple[str, Hole]]:
    holes = list(stencil.holes)
    while holes:
        hole = holes.pop(0)
        if rules.fold_pairs and holes and _is_pair(hole, holes[0]):
            holes.pop(0)
            yield "patch_aarch64_33rx", hole
        else:
            yield hole.function, hole


def _is_pair(first: Hole, second: Hole) -> bool:
    return (
        (first.function, second.function) == ("patch_aarch64_21rx", "patch_aarch64_12x")
        and first.offset + 4 == second.offset
        and (first.value, first.symbol, first.addend) == (second.value, second.symbol, second.addend)
    )


def _call(part: str, function: str, hole: Hole, rules: TextRules) -> str:
    place = f"{part} + {hole.offset:#x}"
    if hole.trampoline:
        return f"{function}({place}, @ordinal({hole.symbol})@, state);"
    return f"{function}({place}, {expression(hole, rules)});"


def expression(hole: Hole, rules: TextRules) -> str:
    """Return the C expression of what is patched into a hole."""
    terms = [] if hole.value == ZERO else [rules.expressions[hole.value]]
    if hole.symbol is not None:
        terms.append(f"(uintptr_t)&{hole.symbol}")
    if hole.addend or (rules.literal_zero and not terms):
        terms.append(f"{hole.addend:#x}")
    return " + ".join(terms)

"""A stencil as people read it: its instructions with every hole named at its place, and its data.

A :class:`Listing` is made of one emit function (:mod:`copypatch.emitted`), so it is the same whether the function
comes from a fragment of ours or from anyone's header. What a hole is called does not depend on where things lie:
a slot of the offset table is called by what is in it, a string by its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from copypatch.emitted import Emitted, Part, Patch


@dataclass(frozen=True, slots=True)
class NamedHole:
    """A hole: where it is, what fills it, and what it is called.

    *part* is "code" or "data", *offset* in bytes. *kind* is the relocation's, or "" where the text does not tell.
    """

    part: str
    offset: int
    function: str
    expression: str
    kind: str
    name: str

    @property
    def call(self) -> str:
        """The patch call in short: what is put where."""
        return f"{self.function}({self.part} + {self.offset:#x}) = {self.value}"

    @property
    def filling(self) -> tuple[str, str]:
        """How the hole is filled, but for where in the uop's own code or data its value lies."""
        based = _BASED.match(self.expression)
        return self.function, f"(uintptr_t){based[1]}" if based else self.expression

    @property
    def value(self) -> str:
        """What is patched in, for a reader."""
        if match := _TRAMPOLINE.match(self.expression):
            return f"the trampoline of {match[1]}"
        plain = self.expression.replace("(uintptr_t)", "").replace("+ -", "- ")
        return (
            plain
            if self.name in ("CODE", "DATA") or not _BASED.match(self.expression)
            else f"{plain} -> {self.name}"
        )


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: *offset* in bytes, *encoding* in hexadecimal, its text, and the holes in it.

    *target* is the offset of a jump within the code, None for anything else. *dropped*: it stood at the end of the
    object's code as a jump to the next uop, which is not copied since that uop's code follows there.
    """

    offset: int
    encoding: str
    text: str
    holes: tuple[NamedHole, ...] = ()
    target: int | None = None
    dropped: bool = False

    @property
    def plain(self) -> str:
        """The text without addresses: those of holes and jumps depend on where things lie."""
        moved = self.target is not None or self.holes or self.dropped
        return _ADDRESS.sub("", self.text).rstrip() if moved else self.text


@dataclass(frozen=True, slots=True)
class Listing:
    """One uop's stencils. *holes* are all of them, in the code and then in the data, by offset."""

    opname: str
    code: bytes
    data: bytes
    instructions: tuple[Instruction, ...]
    holes: tuple[NamedHole, ...]

    @property
    def copied(self) -> tuple[Instruction, ...]:
        """The instructions that are in the stencil."""
        return tuple(one for one in self.instructions if not one.dropped)


_TRAMPOLINE = re.compile(r"^@ordinal\((\w+)\)@")
_BASED = re.compile(r"^\(uintptr_t\)(code|data)\b(?! \+ sizeof)(?: \+ (-?0x[0-9a-f]+))?$")
_INSTRUCTION = re.compile(r"^([0-9a-f]+): ((?:[0-9a-f]{2} )+|[0-9a-f]{8} ) *(\S.*)$")
_RELOCATION = re.compile(r"^([0-9a-f]{8,16}): +([A-Z]\w+) +(\S.*)$")
# How llvm-objdump writes a place within the code: `0x82 <_JIT_ENTRY+0x82>`.
_ADDRESS = re.compile(r" *(?:[#;/]+ *)?(?:0x)?[0-9a-f]+ <[^>]*>")
_TARGET = re.compile(r"(?<![#;] )(?<!// )\b(?:0x)?([0-9a-f]+) <[^>]*>$")


def make(emitted: Emitted) -> Listing:
    """Return the listing of an emit function."""
    relocations = _relocations(emitted.code.comments)
    data_holes = _data_holes(emitted.data)
    slots = {hole.offset: hole.name for hole in data_holes}
    code_holes = [_code_hole(patch, emitted.data, slots, relocations) for patch in emitted.code.patches]
    code_holes.sort(key=lambda hole: hole.offset)
    instructions = _instructions(emitted.code, code_holes)
    return Listing(
        emitted.opname, emitted.code.body, emitted.data.body, tuple(instructions), (*code_holes, *data_holes)
    )


def _relocations(comments: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Return the kind and the symbol of each relocation that llvm-objdump shows, by offset."""
    found: dict[int, tuple[str, str]] = {}
    for comment in comments:
        if match := _RELOCATION.match(comment):
            found.setdefault(int(match[1], 16), (match[2], match[3]))
    return found


def _data_holes(data: Part) -> list[NamedHole]:
    holes = [
        NamedHole("data", patch.offset, patch.function, patch.expression, "", _name(patch.expression) or "DATA")
        for patch in data.patches
    ]
    return sorted(holes, key=lambda hole: hole.offset)


def _code_hole(
    patch: Patch, data: Part, slots: Mapping[int, str], relocations: Mapping[int, tuple[str, str]]
) -> NamedHole:
    kind, symbol = relocations.get(patch.offset, ("", ""))
    name = _name(patch.expression) or _place(patch, data, slots) or _symbol(symbol)
    if not name:
        name = "CODE" if _filling(patch.expression).startswith("(uintptr_t)code") else "DATA"
    return NamedHole("code", patch.offset, patch.function, patch.expression, kind, name)


_SYMBOL = re.compile(r"\(uintptr_t\)&(.+)")
# A slot of 3.15's global offset table.
_SLOT = re.compile(r"got_symbol_address\(@ordinal\((\w+)\)@, state\)")
_SECOND_PLACE = re.compile(r"^code \+ 0x[0-9a-f]+, ")


def _filling(expression: str) -> str:
    """Return what is patched in, without the second place that a patch function for two instructions is told."""
    return _SECOND_PLACE.sub("", expression)


def _name(expression: str) -> str:
    """Return what an expression is called, or "" for a place in the uop's own code or data."""
    expression = _filling(expression)
    first = expression.split(" + ", maxsplit=1)[0]
    if match := _TRAMPOLINE.match(expression) or _SLOT.match(expression) or _SYMBOL.match(first):
        return match[1]
    if expression.startswith("(uintptr_t)code + sizeof(code_body)"):
        return "CONTINUE"
    if _BASED.match(expression):
        return ""
    if re.fullmatch(r"-?0x[0-9a-f]+", first):
        return "ZERO"
    if match := re.search(r"instruction_starts\[(?:instruction->)?(\w+)\]", first):
        return match[1].upper() if not match[1].isdigit() else "TOP"
    word = re.search(r"(?:->|\)|^)\(?(\w+)(?: (>> 32|& UINT32_MAX)\))?$", first.replace("instruction->", "->"))
    if word is None:
        return first
    return word[1].upper() + {">> 32": "_HI", "& UINT32_MAX": "_LO"}.get(word[2] or "", "")


def _place(patch: Patch, data: Part, slots: Mapping[int, str]) -> str:
    """Return what lies at the place in the data that a hole points to: a slot's content, or a string."""
    match = _BASED.match(_filling(patch.expression))
    if match is None or match[1] != "data":
        return ""
    offset = int(match[2] or "0", 16)
    if patch.function in _FROM_END_OF_FIELD:
        offset += 4
    return slots.get(offset) or _string(data.body, offset)


# Patch functions of x86 that count from the end of the field, which the addend makes up for.
_FROM_END_OF_FIELD = ("patch_32r", "patch_x86_64_32rx")
_LONGEST_STRING = 60


def _string(body: bytes, offset: int) -> str:
    if not 0 <= offset < len(body):
        return ""
    text = body[offset : body.find(b"\0", offset)] if b"\0" in body[offset:] else b""
    if not text or not all(0x20 <= byte < 0x7F for byte in text):
        return ""
    shown = text.decode("ascii")
    return f'"{shown if len(shown) <= _LONGEST_STRING else shown[:_LONGEST_STRING] + "..."}"'


def _symbol(symbol: str) -> str:
    """Return a relocation's symbol without its addend."""
    return re.sub(r"[+-]0x[0-9a-f]+$", "", symbol)


def _instructions(code: Part, holes: Sequence[NamedHole]) -> list[Instruction]:
    found: list[Instruction] = []
    remaining = list(reversed(holes))
    for comment in code.comments:
        match = _INSTRUCTION.match(comment)
        if match is None:
            continue
        offset, encoding, text = int(match[1], 16), match[2].replace(" ", ""), match[3]
        end = offset + len(encoding) // 2
        inside = []
        while remaining and remaining[-1].offset < end:
            inside.append(remaining.pop())
        dropped = offset >= code.size
        jump = None if inside or dropped else _TARGET.search(text)
        target = int(jump[1], 16) if jump else None
        found.append(Instruction(offset, encoding, text, tuple(inside), target, dropped))
    return found

"""Holes, stencils and stencil groups: what is copied and what is patched at run time.

A Hole is to a stencil what a relocation is to a section; a Stencil is a section, code or data; a StencilGroup
is the object file of one uop. :func:`build` makes a group from an object's sections, by the rules of a dialect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from copypatch import far_calls
from copypatch.errors import ObjectError, RelocationError
from copypatch.holes import CODE, DATA, ZERO, Hole, Stencil, StencilGroup
from copypatch.readobj import HELP
from copypatch.relocations import GOT_SLOT, KINDS
from copypatch.sections import ObjectSections, Place, Relocation, Section
from copypatch.triples import ObjectFormat, Platform

# The offset table holds addresses of 64 bits, on 32-bit targets too.
_GOT_SLOT_SIZE = 8
_DATA_ALIGNMENT = 8
# What the largest registers of these targets' ordinary code are loaded with, aligned: 16 bytes.
_EXACT_ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class ContinuationJump:
    """A jump to the next uop, which is dropped from the end of a stencil: the next uop's code follows there.

    *instruction* is all of it, *field* the offset of the hole in it. *got* says that it jumps through a slot of
    the offset table.
    """

    kind: str
    instruction: bytes
    field: int
    addend: int
    got: bool = False


@dataclass(frozen=True, slots=True)
class StencilRules:
    """How a dialect makes stencils.

    *values* are the names of the run-time values, each asked for by the symbol *value_prefix* + name.
    *patch_functions* maps relocation kinds to patch functions. *entry_symbols*: one of them must be at the start
    of the code. *jumps* are the continuation jumps that can be dropped, only where *aligned_jumps* is unset or
    the shortened code stays aligned. *pad_with_nops*: else code is padded with zeros. *comment_empty_padding*:
    write the padding's comment even where nothing is padded. *far_calls* says how calls out of range are
    reached. *exact*: addends and the alignment of data are as the object formats define them, where CPython's
    generators simplify (see RelocationKind); data is then padded to 16 bytes, and the run time has to place it so.
    """

    values: tuple[str, ...]
    patch_functions: Mapping[str, str]
    jumps: tuple[ContinuationJump, ...]
    far_calls: far_calls.Strategy
    value_prefix: str = "_JIT_"
    entry_symbols: tuple[str, ...] = ("_JIT_ENTRY",)
    aligned_jumps: bool = False
    pad_with_nops: bool = True
    comment_empty_padding: bool = False
    exact: bool = False


@dataclass(slots=True)
class _Draft:
    """A stencil while it is built; holes are still in the order of the object file."""

    body: bytearray
    holes: list[_Reference]
    disassembly: list[str]

    def pad(self, alignment: int, *, comment_always: bool) -> None:
        padding = -len(self.body) % alignment
        if padding or comment_always:
            self.disassembly.append(f"{len(self.body):x}: {' '.join(['00'] * padding)}")
        self.body += bytes(padding)


@dataclass(frozen=True, slots=True)
class _Reference:
    """A relocation at its place in a stencil, not yet resolved."""

    offset: int
    kind: str
    symbol: str
    addend: int
    got: bool
    far: bool = False
    # In the object's own address space, where it points to a place instead of a symbol; then that place.
    address: int | None = None
    place: tuple[str, int] | None = None


def build(
    objects: ObjectSections, disassembly: Sequence[str], opname: str, platform: Platform, rules: StencilRules
) -> StencilGroup:
    """Make the stencil group of one uop.

    *disassembly* are the comment lines about the code. Raises ObjectError when the entry is not at 0 or the
    code cannot be aligned, RelocationError for a relocation that the dialect cannot express.
    """
    code, data = _Draft(bytearray(), [], list(disassembly)), _Draft(bytearray(), [], [])
    symbols = _place(objects, code, data, opname, rules)
    _check_entry(symbols, opname, rules)
    if data.body:
        data.disassembly.append(f"0: {str(bytes(data.body)).removeprefix('b')}")
    trampolines = _reach_far_calls(code, symbols, platform, rules)
    _drop_continuation_jump(code, platform, rules)
    _align(code, opname, platform, rules)
    data.pad(_DATA_ALIGNMENT, comment_always=rules.comment_empty_padding)
    resolver = _Resolver(symbols, rules, len(data.body), opname)
    code_holes = [resolver.resolve(reference) for reference in code.holes]
    data_holes = [resolver.resolve(reference) for reference in data.holes]
    data_holes += resolver.emit_slots(data)
    if rules.exact:
        data.body += bytes(-len(data.body) % _EXACT_ALIGNMENT)
    return StencilGroup(
        opname=opname,
        code=_finish(code, code_holes),
        data=_finish(data, data_holes),
        symbols=tuple(sorted((name, *place) for name, place in symbols.items())),
        trampolines=trampolines,
    )


def _finish(draft: _Draft, holes: list[Hole]) -> Stencil:
    return Stencil(bytes(draft.body), tuple(sorted(holes, key=lambda hole: hole.offset)), tuple(draft.disassembly))


_Symbols = dict[str, tuple[str, int]]


def _place(objects: ObjectSections, code: _Draft, data: _Draft, opname: str, rules: StencilRules) -> _Symbols:
    """Lay out the sections, and return where each symbol came to lie."""
    symbols: _Symbols = {}
    # Where the data stencil starts in the address space of an object that has one.
    origin: int | None = None
    for section in _in_order(objects, rules):
        is_code = section.place is Place.CODE
        value, draft = (CODE, code) if is_code else (DATA, data)
        if section.address is None:
            if rules.exact and not is_code:
                data.body += bytes(-len(data.body) % _alignment(section, opname))
            base = len(draft.body)
        else:
            if origin is None and not is_code:
                origin = _origin(section, code, rules)
            base = section.address - (0 if is_code else origin or 0)
            _fill(section, base, draft, len(data.body) if is_code else 0, opname)
            # The generators take the code's length for the place of a data section.
            symbols[section.name] = value, base if is_code or rules.exact else len(code.body)
        for symbol in section.symbols:
            # In COFF a section's own name can stand again further on, for another section of that name.
            if objects.object_format is not ObjectFormat.COFF or symbol.name not in symbols:
                symbols[symbol.name] = value, base + symbol.offset
        draft.body += section.body
        references = [_refer(relocation, section, base, opname, rules) for relocation in section.relocations]
        draft.holes += [reference for reference in references if rules.patch_functions[reference.kind]]
    for draft in (code, data):
        draft.holes = [_locate(reference, len(code.body), origin or 0) for reference in draft.holes]
    if rules.exact:
        _check_names(objects, [*code.holes, *data.holes], opname)
    return symbols


def _in_order(objects: ObjectSections, rules: StencilRules) -> list[Section]:
    # In Mach-O, zero-filled sections are the last by address wherever they stand in the file.
    return (
        sorted(objects.sections, key=lambda section: section.address or 0) if rules.exact else [*objects.sections]
    )


def _check_names(objects: ObjectSections, references: Sequence[_Reference], opname: str) -> None:
    """Raise RelocationError where a section is referred to by a name that several have."""
    names = [section.name for section in objects.sections if section.body]
    for reference in references:
        if reference.place is None and names.count(reference.symbol) > 1:
            raise RelocationError(
                f"{opname}: relocation {reference.kind} against section {reference.symbol}, and the object has "
                f"{names.count(reference.symbol)} of this name; give what it refers to a name, or another form"
            )


def _alignment(section: Section, opname: str) -> int:
    if section.alignment > _EXACT_ALIGNMENT:
        raise ObjectError(
            f"{opname}: section {section.name} has to be aligned to {section.alignment} bytes, and the data of a "
            f"stencil is to {_EXACT_ALIGNMENT}; is there an _Alignas, or a large vector?"
        )
    return section.alignment


def _origin(section: Section, code: _Draft, rules: StencilRules) -> int:
    """Return the address, in the object, of the start of the data stencil; *section* is the first in it.

    The assembler has laid out code and data behind each other, so it starts where the code ends; or, if alignment
    counts, at the last aligned address before the section, so that all in it is aligned.
    """
    if not rules.exact:
        return len(code.body)
    address = section.address or 0
    return address - address % _EXACT_ALIGNMENT


def _fill(section: Section, base: int, draft: _Draft, behind: int, opname: str) -> None:
    """Fill the gap in front of a section that goes to *base*; *behind* is the size of the data, if it is code."""
    gap = base - len(draft.body) - behind
    if gap < 0:
        raise ObjectError(f"{opname}: section {section.name} overlaps the one before it in the object")
    draft.body += bytes(gap)
    if behind:
        raise ObjectError(
            f"{opname}: code section {section.name} lies behind data in the object, where its addresses "
            "would be wrong; is there a section attribute on a function?"
        )


def _refer(relocation: Relocation, section: Section, base: int, opname: str, rules: StencilRules) -> _Reference:
    if relocation.kind not in rules.patch_functions:
        raise RelocationError(
            f"{opname}: section {section.name}, offset {relocation.offset:#x}: "
            f"relocation {relocation.kind} against {relocation.symbol}: {HELP}"
        )
    addend, address = relocation.addend, None
    if rules.exact and relocation.exact_addend is not None:
        addend, address = relocation.exact_addend, relocation.address
    return _Reference(
        base + relocation.offset, relocation.kind, relocation.symbol, addend, relocation.got, address=address
    )


def _locate(reference: _Reference, code_size: int, origin: int) -> _Reference:
    """Find what a reference to an address of the object's own points to."""
    if reference.address is None:
        return reference
    if reference.address < code_size:
        return replace(reference, place=(CODE, reference.address))
    return replace(reference, place=(DATA, reference.address - origin))


def _check_entry(symbols: _Symbols, opname: str, rules: StencilRules) -> None:
    for name in rules.entry_symbols:
        if name in symbols:
            if symbols[name] == (CODE, 0):
                return
            value, offset = symbols[name]
            raise ObjectError(
                f"{opname}: {name} is at {value} + {offset:#x}, not at the start of the code; "
                "is there another function in front of it that was not inlined?"
            )
    raise ObjectError(f"{opname}: the object has no {rules.entry_symbols[0]}; does the template define it?")


def _value_of(symbol: str, rules: StencilRules) -> str | None:
    """Return the run-time value that a symbol stands for, if it does."""
    name = symbol.removeprefix(rules.value_prefix)
    return name if name != symbol and name in rules.values else None


def _reach_far_calls(code: _Draft, symbols: _Symbols, platform: Platform, rules: StencilRules) -> tuple[str, ...]:
    """Give every call that may be out of range a way to its function; return those that the merge numbers."""
    far = [
        reference
        for reference in code.holes
        if KINDS[reference.kind].far_call
        and not reference.got
        and _value_of(reference.symbol, rules) is None
        and (rules.far_calls is far_calls.Strategy.INLINE or reference.symbol not in symbols)
    ]
    if rules.far_calls is far_calls.Strategy.NUMBERED:
        code.holes = [replace(reference, far=reference in far) for reference in code.holes]
        return tuple(dict.fromkeys(reference.symbol for reference in far))
    for reference in far:
        code.pad(platform.alignment, comment_always=rules.comment_empty_padding)
        base = len(code.body)
        far_calls.retarget(code.body, reference.offset, base)
        code.body += far_calls.TRAMPOLINE
        code.disassembly += far_calls.disassembly(base, reference.symbol)
        code.holes.remove(reference)
        code.holes += [
            replace(reference, offset=base + 4 * index, kind=kind) for index, kind in enumerate(far_calls.KINDS)
        ]
    return ()


def _drop_continuation_jump(code: _Draft, platform: Platform, rules: StencilRules) -> None:
    if not code.holes:
        return
    last = max(code.holes, key=lambda reference: reference.offset)
    if _value_of(last.symbol, rules) != "CONTINUE":
        return
    for jump in rules.jumps:
        start = last.offset - jump.field
        if (
            (last.kind, last.got, last.addend) == (jump.kind, jump.got, jump.addend)
            and code.body[start:] == jump.instruction
            and (not rules.aligned_jumps or start % platform.alignment == 0)
        ):
            del code.body[start:]
            code.holes.remove(last)
            return


def _align(code: _Draft, opname: str, platform: Platform, rules: StencilRules) -> None:
    if not rules.pad_with_nops:
        code.pad(platform.alignment, comment_always=rules.comment_empty_padding)
        return
    count, rest = divmod(-len(code.body) % platform.alignment, len(platform.nop))
    if rest:
        raise ObjectError(
            f"{opname}: {len(code.body)} bytes of code cannot be aligned to {platform.alignment} "
            f"with instructions of {len(platform.nop)} bytes; is there data in a code section?"
        )
    code.body += platform.nop * count


class _Resolver:
    """Turns references into holes, and collects the slots of the offset table on the way."""

    def __init__(self, symbols: _Symbols, rules: StencilRules, table: int, opname: str) -> None:
        self._symbols = symbols
        self._rules = rules
        self._table = table
        self._opname = opname
        self._slots: dict[str, int] = {}

    def resolve(self, reference: _Reference) -> Hole:
        function = self._rules.patch_functions[reference.kind]
        if reference.far:
            return Hole(
                reference.offset,
                reference.kind,
                far_calls.PATCH_FUNCTION,
                ZERO,
                reference.symbol,
                0,
                trampoline=True,
            )
        if reference.got:
            slot = self._slots.setdefault(reference.symbol, _GOT_SLOT_SIZE * len(self._slots))
            value, symbol, addend = DATA, None, reference.addend + self._table + slot
        else:
            value, symbol, addend = self._base(reference)
            addend += reference.addend
            if self._rules.exact:
                function = KINDS[reference.kind].direct or function
        if reference.kind == "IMAGE_REL_AMD64_REL32" and symbol is not None:
            # A DLL's function is reached through its import slot; a direct call could be out of range.
            raise RelocationError(
                f"{self._opname}: offset {reference.offset:#x}: relocation {reference.kind} against {symbol}: "
                f"declare {symbol} as imported (PyAPI_FUNC or PyAPI_DATA in CPython)"
            )
        return Hole(reference.offset, reference.kind, function, value, symbol, addend)

    def _base(self, reference: _Reference) -> tuple[str, str | None, int]:
        if reference.place is not None:
            value, offset = reference.place
            return value, None, offset
        return self._named(reference.symbol)

    def _named(self, name: str) -> tuple[str, str | None, int]:
        if (value := _value_of(name, self._rules)) is not None:
            return value, None, 0
        if name in self._symbols:
            place, offset = self._symbols[name]
            return place, None, offset
        return ZERO, name, 0

    def emit_slots(self, data: _Draft) -> list[Hole]:
        """Append the offset table to the data, and return its holes."""
        holes = []
        for name in self._slots:
            # A slot for a name that the object defines holds that place, even where the name is a run-time value.
            if name in self._symbols:
                value, addend = self._symbols[name]
                symbol = None
            else:
                value, symbol, addend = self._named(name)
            offset = len(data.body)
            holes.append(Hole(offset, GOT_SLOT, self._rules.patch_functions[GOT_SLOT], value, symbol, addend))
            data.disassembly.append(f"{offset:x}: {_describe(value, symbol, addend)}")
            data.body += bytes(_GOT_SLOT_SIZE)
        return holes


def _describe(value: str, symbol: str | None, addend: int) -> str:
    """A slot's content as a comment: DATA+0x8, &symbol+0x0, CONTINUE."""
    parts = [] if value == ZERO else [value]
    if symbol is not None:
        parts.append(f"&{symbol}{addend:+#x}")
    elif addend or not parts:
        parts.append(f"{addend:#x}")
    return "+".join(parts)

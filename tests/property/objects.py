"""Objects as llvm-readobj would print them, made by Hypothesis: one model for the three object formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from copypatch.relocations import KINDS, Addend, RelocationKind
from copypatch.triples import PLATFORMS, ObjectFormat, Platform, Target, parse


@dataclass(frozen=True)
class Reference:
    """A relocation: *symbol* is a C name, or a section's where *to_section* says so (Mach-O)."""

    offset: int
    kind: str
    symbol: str
    addend: int
    to_section: bool = False


@dataclass(frozen=True)
class Part:
    """A section: its C names with their offsets, and its relocations."""

    name: str
    executable: bool
    body: bytes
    symbols: tuple[tuple[str, int], ...]
    references: tuple[Reference, ...]
    zero_filled: bool = False


def target_of(platform: Platform) -> Target:
    return parse(platform.example)


def machine_of(platform: Platform) -> str:
    return platform.name.partition("-")[0]


def kinds_of(platform: Platform) -> list[RelocationKind]:
    return [
        kind
        for kind in KINDS.values()
        if kind.object_format is platform.object_format and kind.machine == machine_of(platform)
    ]


# -- The text that llvm-readobj prints ---------------------------------------------------------------------------


def readobj_text(parts: Sequence[Part], platform: Platform, file: str) -> str:
    """What llvm-readobj prints for one object, as checked with LLVM 18 and 19."""
    write = {ObjectFormat.ELF: _elf, ObjectFormat.MACHO: _macho, ObjectFormat.COFF: _coff}[platform.object_format]
    return write(parts, platform, json.dumps(file))


def _json(record: object) -> str:
    return json.dumps(record, separators=(",", ":"))


def _flags(names: Sequence[str]) -> dict[str, Any]:
    return {"Value": 0, "Flags": [{"Name": name, "Value": 1} for name in names]}


def _elf(parts: Sequence[Part], platform: Platform, file: str) -> str:
    sections: list[dict[str, Any]] = []

    def add(name: str, kind: str, flags: Sequence[str], **fields: Any) -> int:
        record = {
            "Index": len(sections),
            "Name": {"Name": name, "Value": 0},
            "Type": {"Name": kind, "Value": 0},
            "Flags": _flags(flags),
            "Size": len(fields.get("SectionData", {"Bytes": ()})["Bytes"]),
            "Info": 0,
            "Relocations": [],
            "Symbols": [],
            "SectionData": {"Offset": 0, "Bytes": []},
        }
        sections.append({"Section": record | fields})
        return len(sections) - 1

    add("", "SHT_NULL", ())
    add(".strtab", "SHT_STRTAB", ())
    for part in parts:
        index = add(
            part.name,
            "SHT_PROGBITS",
            ("SHF_ALLOC", "SHF_EXECINSTR") if part.executable else ("SHF_ALLOC",),
            Symbols=[
                {"Symbol": {"Name": {"Name": name, "Value": 9}, "Value": offset}} for name, offset in part.symbols
            ],
            SectionData={"Offset": 0, "Bytes": list(part.body)},
        )
        if part.references:
            records = [
                {
                    "Relocation": {
                        "Offset": reference.offset,
                        "Type": {"Name": reference.kind, "Value": 1},
                        "Symbol": {"Name": reference.symbol, "Value": 3},
                        # llvm-readobj prints the bits as an unsigned number.
                        "Addend": reference.addend % (1 << 64),
                    }
                }
                for reference in part.references
            ]
            add(f".rela{part.name}", "SHT_RELA", ("SHF_INFO_LINK",), Info=index, Relocations=records)
    add(".comment", "SHT_PROGBITS", ("SHF_MERGE", "SHF_STRINGS"))
    add(".symtab", "SHT_SYMTAB", ())
    return f'[{{"FileSummary":{{"File":{file},"Format":"elf"}},"Sections":{_json(sections)}}}]'


_STRAYS = ("", "Extern\n", "PrivateExtern\nExtern\n")


def _macho(parts: Sequence[Part], platform: Platform, file: str) -> str:
    sections = []
    address = 0
    for index, part in enumerate(parts):
        address += -address % 8
        symbols = ",".join(
            f'{{"Symbol":{{"Name":{{"Name":{json.dumps(f"_{name}")},"Value":1}}'
            f"{_STRAYS[number % 3]}"
            f',"Type":{{"Name":"Section","Value":14}},"Value":{address + offset}}}}}'
            for number, (name, offset) in enumerate(part.symbols)
        )
        records = []
        for reference in part.references:
            by = "Section" if reference.to_section else "Symbol"
            name = reference.symbol if reference.to_section else f"_{reference.symbol}"
            record = {
                "Offset": reference.offset,
                "Type": {"Name": reference.kind, "Value": 1},
                by: {"Name": name, "Value": 3},
            }
            records.append({"Relocation": record})
        names = ("PureInstructions", "SomeInstructions") if part.executable else ()
        sections.append(
            f'{{"Section":{{"Index":{index},"Name":{{"Value":{json.dumps(part.name)},"Offset":0,"Bytes":[95]}},'
            f'"Segment":{{"Value":"__TEXT","Offset":0,"Bytes":[95]}},"Address":{address},"Size":{len(part.body)},'
            f'"Attributes":{_json(_flags(names))},"Relocations":{_json(records)},"Symbols":[{symbols}],'
            f'"SectionData":{{"Offset":0,"Bytes":{_json(list(part.body))}}}}}}}'
        )
        address += len(part.body)
    return f'[\n"File":{file},"Format":"Mach-O",{{"Sections":[{",".join(sections)}]}}]'


def _coff(parts: Sequence[Part], platform: Platform, file: str) -> str:
    def decorated(name: str) -> str:
        if name.startswith("__imp_"):
            return f"__imp_{platform.symbol_prefix}{name.removeprefix('__imp_')}"
        return platform.symbol_prefix + name

    sections = []
    for number, part in enumerate(parts, 1):
        record = {
            "Number": number,
            "Name": {"Value": part.name, "Offset": 0, "Bytes": [46]},
            "RawDataSize": len(part.body),
            "Characteristics": _flags(
                ("IMAGE_SCN_MEM_EXECUTE", "IMAGE_SCN_MEM_READ") if part.executable else ("IMAGE_SCN_MEM_READ",)
            ),
            "Relocations": [
                {
                    "Relocation": {
                        "Offset": reference.offset,
                        "Type": {"Name": reference.kind, "Value": 4},
                        "Symbol": decorated(reference.symbol),
                        "SymbolIndex": 1,
                    }
                }
                for reference in part.references
            ],
            "Symbols": [
                {"Symbol": {"Name": part.name, "Value": 0}},
                *({"Symbol": {"Name": decorated(name), "Value": offset}} for name, offset in part.symbols),
            ],
        }
        if not part.zero_filled:
            record["SectionData"] = {"Offset": 0, "Bytes": list(part.body)}
        sections.append({"Section": record})
    sections.append(
        {
            "Section": {
                "Number": len(parts) + 1,
                "Name": {"Value": ".llvm_addrsig", "Offset": 0, "Bytes": [47]},
                "RawDataSize": 1,
                "Characteristics": _flags(("IMAGE_SCN_LNK_REMOVE",)),
                "Relocations": [],
                "Symbols": [],
                "SectionData": {"Offset": 0, "Bytes": [16]},
            }
        }
    )
    return f'[\n"File":{file},"Format":"COFF",{{"Sections":{_json(sections)}}}]'


# -- Strategies --------------------------------------------------------------------------------------------------

platforms = st.sampled_from(PLATFORMS)
# The last is no run-time value, though it begins like one.
VALUES = ("_JIT_CONTINUE", "_JIT_OPARG", "_JIT_TARGET", "_JIT_JUMP_TARGET", "_JIT_EXECUTOR", "_JIT_NONSENSE")
EXTERNALS = ("PyLong_Type", "extfn", "Extern", "__imp_PyNone", "_Py_Dealloc")
LOCALS = ("helper", "table", "str.1", "PrivateExtern")
_SECTION_NAMES = {
    ObjectFormat.ELF: (".text", ".text.unlikely", ".rodata", ".rodata.str1.1", ".data.rel.ro"),
    ObjectFormat.MACHO: ("__text", "__text_cold", "__const", "__cstring", "__data"),
    ObjectFormat.COFF: (".text", ".text", ".rdata", ".rdata", ".bss"),
}
# A jump to the next uop, with the kinds that it comes with and the offset of its hole.
_JUMPS = (
    ("R_X86_64_PLT32", b"\xe9\0\0\0\0", 1),
    ("R_X86_64_GOTPCRELX", b"\xff\x25\0\0\0\0", 2),
    ("X86_64_RELOC_BRANCH", b"\xe9\0\0\0\0", 1),
    ("IMAGE_REL_I386_REL32", b"\xe9\0\0\0\0", 1),
    ("IMAGE_REL_AMD64_REL32", b"\x48\xff\x25\0\0\0\0", 3),
    ("R_AARCH64_JUMP26", b"\0\0\0\x14", 0),
    ("ARM64_RELOC_BRANCH26", b"\0\0\0\x14", 0),
)


@st.composite
def _references(
    draw: st.DrawFn, platform: Platform, size: int, sections: Sequence[str], *, least: int
) -> tuple[Reference, ...]:
    kinds = kinds_of(platform)
    references = []
    for _ in range(draw(st.integers(least, 4 if size >= 4 else 0)) if size >= 4 else 0):
        kind = draw(st.sampled_from(kinds))
        offset = draw(st.integers(0, (size - 4) // 4)) * 4
        to_section = (
            platform.object_format is ObjectFormat.MACHO
            and kind.name.endswith(("SIGNED", "_PAGE21", "_PAGEOFF12"))
            and not kind.got
            and draw(st.booleans())
        )
        names = sections if to_section else (*VALUES, *EXTERNALS, *LOCALS)
        addend = 0
        if kind.addend is Addend.EXPLICIT:
            # A slot is always reached relative to the instruction's end on x86, and exactly on AArch64.
            small = st.integers(-(1 << 40), 1 << 40)
            fixed = st.just(-4 if machine_of(platform) == "x86_64" else 0)
            addend = draw(fixed if kind.got else small)
        references.append(Reference(offset, kind.name, draw(st.sampled_from(names)), addend, to_section))
    if platform.object_format is ObjectFormat.ELF:
        references.sort(key=lambda reference: reference.offset)
    return tuple(references)


@st.composite
def objects(draw: st.DrawFn, platform: Platform, *, entry: str = "_JIT_ENTRY") -> tuple[Part, ...]:
    """The loaded sections of one well-formed object, the one with the entry first."""
    names = _SECTION_NAMES[platform.object_format]
    step = 4 if machine_of(platform) == "aarch64" else 1
    count = draw(st.integers(1, 4))
    parts: list[Part] = []
    for index in range(count):
        # The generator (and we) take it that Mach-O's code is in front of its data, as clang lays it out.
        late_code = platform.object_format is not ObjectFormat.MACHO or all(part.executable for part in parts)
        executable = index == 0 or (late_code and draw(st.integers(0, 5)) == 0)
        name = names[0 if index == 0 else 1 if executable else draw(st.integers(2, 4))]
        words = draw(st.binary(min_size=8 if index == 0 else 0, max_size=24))
        body = words[: len(words) // step * step] if executable else words
        zero_filled = platform.object_format is ObjectFormat.COFF and name == ".bss"
        if zero_filled:
            body = bytes(len(body))
        offsets = st.integers(0, len(body))
        symbols = [(local, draw(offsets)) for local in draw(st.lists(st.sampled_from(LOCALS), max_size=3))]
        references = draw(_references(platform, len(body), names[: count + 1], least=1 if index == 0 else 0))
        if index == 0:
            symbols.insert(draw(st.integers(0, len(symbols))), (entry, 0))
            jumps = [jump for jump in _JUMPS if KINDS[jump[0]] in kinds_of(platform)]
            ends_with_jump: bool = bool(jumps) and draw(st.booleans())
            if ends_with_jump:
                kind, instruction, field = draw(st.sampled_from(jumps))
                coff_slot = kind == "IMAGE_REL_AMD64_REL32"
                addend = -4 if platform.object_format is ObjectFormat.ELF and step == 1 else 0
                symbol = "__imp__JIT_CONTINUE" if coff_slot else "_JIT_CONTINUE"
                references = (*references, Reference(len(body) + field, kind, symbol, addend))
                body += instruction
        parts.append(Part(name, executable, body, tuple(symbols), references, zero_filled))
    return tuple(parts)

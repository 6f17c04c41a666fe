"""From llvm-readobj's JSON to typed sections.

One llvm-readobj process reads all changed objects; :func:`split` gives each uop its part, verbatim, and
:func:`parse` turns such a part into :class:`~copypatch.sections.ObjectSections`.

The shape of the JSON is that of ``llvm-readobj --elf-output-style=JSON`` (seen with LLVM 18 to 22). For ELF it is
a list with one object per file. For Mach-O and COFF it is only nearly JSON: the members that name the file stand
bare in the list, before the object with the sections, and a symbol's ``Extern`` is printed without quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from copypatch.errors import ObjectError, RelocationError
from copypatch.relocations import KINDS, MACHO_ADDEND, Addend, RelocationKind
from copypatch.sections import ObjectSections, Place, Relocation, Section, Symbol
from copypatch.triples import ObjectFormat, Platform

# The arguments that print what we read, and nothing else.
ARGUMENTS = (
    "--elf-output-style=JSON",
    "--expand-relocs",
    "--section-data",
    "--section-relocations",
    "--section-symbols",
    "--sections",
)

_Json = Mapping[str, Any]


def split(output: str, paths: Sequence[str]) -> list[str]:
    """Cut the output for several objects into one text per object, in the order of *paths*.

    *paths* are the objects as they were named on the command line. Raises ObjectError when the output does not
    hold exactly these objects.
    """
    starts: list[int] = []
    for path in paths:
        # The objects come in the order in which they were named, so each is looked for behind the one before.
        start = _find_start(output, path, starts[-1] if starts else 0)
        if start < 0:
            raise ObjectError(f"llvm-readobj printed nothing for {path}")
        starts.append(start)
    ends = [*starts[1:], len(output)]
    return [output[start:end] for start, end in zip(starts, ends, strict=True)]


def _find_start(output: str, path: str, position: int) -> int:
    # Neither form can come from a symbol's name: quotes in a JSON string are escaped, and so are line ends.
    quoted = json.dumps(path)
    if output.startswith('[{"FileSummary":'):
        return output.find(f'{{"FileSummary":{{"File":{quoted},', position)
    bare = re.compile(rf'^,?("File":{re.escape(quoted)},)', re.MULTILINE).search(output, position)
    return bare.start(1) if bare else -1


def parse(text: str, opname: str, platform: Platform) -> ObjectSections:
    """Return the loaded sections of one object. Raises ObjectError, RelocationError."""
    records = _load(text, opname)
    reader = {ObjectFormat.ELF: _elf, ObjectFormat.MACHO: _macho, ObjectFormat.COFF: _coff}[platform.object_format]
    try:
        sections = reader(records, opname, platform)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ObjectError(
            f"{opname}: the output of llvm-readobj is not of the expected shape "
            f"({type(error).__name__}: {error}); is this LLVM newer than those that copypatch knows?"
        ) from error
    return ObjectSections(platform.object_format, tuple(sections))


def _load(text: str, opname: str) -> list[_Json]:
    """Decode one object's part and return its section records."""
    start = 0 if text.startswith("{") else text.find('{"Sections":')
    if start < 0:
        raise ObjectError(f"{opname}: llvm-readobj printed no sections")
    try:
        # What follows the object is the list's comma or bracket.
        record, _ = json.JSONDecoder().raw_decode(_STRAY.sub("\n", text[start:]))
        return [wrapped["Section"] for wrapped in record["Sections"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ObjectError(f"{opname}: llvm-readobj printed malformed JSON ({error})") from error


# A symbol's flag without quotes. A line end inside a string would be escaped, so a word in front of a bare one
# is never part of a name or of data.
_STRAY = re.compile(r"(?:Private)?Extern\n")


def _flags(record: _Json) -> set[str]:
    return {flag["Name"] for flag in record["Flags"]}


def _name(record: object) -> str:
    """A name is a string in COFF's symbols, and an object with the string in it elsewhere."""
    if isinstance(record, Mapping):
        record = record["Name"] if "Name" in record else record["Value"]
    if not isinstance(record, str):
        raise TypeError(f"a name of type {type(record).__name__}")
    return record


# No uop comes near it; a size beyond it is a damaged object, not something to allocate.
_LARGEST_POWER = 24
_LARGEST = 1 << _LARGEST_POWER


def _number(value: object) -> int:
    """A size, an offset or an address."""
    if not isinstance(value, int):
        raise TypeError(f"a number of type {type(value).__name__}")
    if not 0 <= value < _LARGEST:
        raise ValueError(f"a size or an offset of {value}")
    return value


def _bytes(record: _Json) -> bytes:
    found = record["SectionData"]["Bytes"]
    # Of a number, bytes() would make as many zeros.
    if not isinstance(found, list):
        raise TypeError(f"the bytes of a section as {type(found).__name__}")
    return bytes(found)


# ELF sections that say something about the file, not about what is loaded.
_ELF_IGNORED = {"SHT_GROUP", "SHT_LLVM_ADDRSIG", "SHT_NOTE", "SHT_NULL", "SHT_STRTAB", "SHT_SYMTAB"}


def _elf(records: Sequence[_Json], opname: str, platform: Platform) -> list[Section]:
    # ELF keeps a section's relocations in a section of their own, which names its subject by index.
    relocations: dict[int, _Json] = {}
    for record in records:
        if record["Type"]["Name"] == "SHT_RELA":
            relocations[record["Info"]] = record
    sections = []
    for record in records:
        kind = record["Type"]["Name"]
        flags = _flags(record["Flags"])
        if kind == "SHT_RELA" or kind in _ELF_IGNORED:
            continue
        if kind == "SHT_NOBITS":
            body = bytes(_number(record["Size"]))
        elif kind == "SHT_PROGBITS":
            body = _bytes(record)
        else:
            raise ObjectError(
                f"{opname}: section {record['Name']['Name']} is of type {kind}, which no stencil can hold; "
                "see which construct of the uop makes it"
            )
        if "SHF_ALLOC" not in flags:
            continue
        name = _name(record["Name"])
        sections.append(
            Section(
                index=record["Index"],
                name=name,
                place=Place.CODE if "SHF_EXECINSTR" in flags else Place.DATA,
                body=body,
                symbols=_symbols(record, platform, 0),
                relocations=_relocations(relocations.get(record["Index"], {}), name, body, opname, platform),
                alignment=max(_number(record.get("AddressAlignment", 1)), 1),
            )
        )
    return sections


def _macho(records: Sequence[_Json], opname: str, platform: Platform) -> list[Section]:
    sections = []
    for record in records:
        flags = _flags(record["Attributes"])
        if "Debug" in flags:
            continue
        name = _name(record["Name"])
        body = _bytes(record) if "SectionData" in record else bytes(_number(record["Size"]))
        sections.append(
            Section(
                index=record["Index"],
                name=name.removeprefix(platform.symbol_prefix),
                place=Place.CODE if "SomeInstructions" in flags else Place.DATA,
                body=body,
                symbols=_symbols(record, platform, _number(record["Address"])),
                relocations=_relocations(record, name, body, opname, platform),
                address=_number(record["Address"]),
                alignment=1 << min(_number(record.get("Alignment", 0)), _LARGEST_POWER),
            )
        )
    return sections


def _coff(records: Sequence[_Json], opname: str, platform: Platform) -> list[Section]:
    sections = []
    for record in records:
        flags = _flags(record["Characteristics"])
        if "IMAGE_SCN_MEM_EXECUTE" in flags:
            place = Place.CODE
        elif "IMAGE_SCN_MEM_READ" in flags:
            place = Place.DATA
        else:
            continue
        # Zero-filled data has a size and no bytes.
        body = _bytes(record) if "SectionData" in record else bytes(_number(record["RawDataSize"]))
        name = _name(record["Name"])
        sections.append(
            Section(
                index=record["Number"],
                name=name,
                place=place,
                body=body,
                symbols=_symbols(record, platform, 0),
                relocations=_relocations(record, name, body, opname, platform),
                alignment=max(
                    (_number(int(match[1])) for flag in flags if (match := _COFF_ALIGNMENT.match(flag))), default=1
                ),
            )
        )
    return sections


_COFF_ALIGNMENT = re.compile(r"IMAGE_SCN_ALIGN_(\d+)BYTES$")


def _symbols(record: _Json, platform: Platform, start: int) -> tuple[Symbol, ...]:
    symbols = (wrapped["Symbol"] for wrapped in record.get("Symbols", ()))
    return tuple(
        Symbol(_name(symbol["Name"]).removeprefix(platform.symbol_prefix), _number(symbol["Value"]) - start)
        for symbol in symbols
    )


def _relocations(
    record: _Json, section: str, body: bytes, opname: str, platform: Platform
) -> tuple[Relocation, ...]:
    found: list[Relocation] = []
    for wrapped in record.get("Relocations", ()):
        relocation = _relocation(wrapped["Relocation"], f"{opname}: section {section}", body, platform, record)
        if found and found[-1].kind == MACHO_ADDEND:
            relocation = replace(relocation, exact_addend=found[-1].exact_addend)
        if relocation.kind == MACHO_ADDEND:
            # Its 24 bits stand where the others have the number of a section.
            bits = _number(wrapped["Relocation"]["Section"]["Value"])
            relocation = replace(relocation, exact_addend=bits - (1 << 24) if bits >> 23 else bits)
        found.append(relocation)
    return tuple(found)


def _relocation(record: _Json, within: str, body: bytes, platform: Platform, section: _Json) -> Relocation:
    offset = _number(record["Offset"])
    # Mach-O may name a section where the others name its symbol.
    symbol = _name(record["Symbol"] if "Symbol" in record else record["Section"])
    where = f"{within}, offset {offset:#x}"
    kind = _known_kind(record["Type"]["Name"], platform, where, symbol.removeprefix(platform.symbol_prefix))
    # What is patched is four bytes or more; behind the section's end they would be another section's.
    if offset + 4 > len(body):
        raise ObjectError(f"{where}: relocation {kind.name} lies outside of the section's {len(body)} bytes")
    got = kind.got
    if platform.object_format is ObjectFormat.COFF and symbol.startswith("__imp_"):
        # A DLL import is a pointer to the thing: a slot of the offset table, in other words.
        symbol, got = symbol.removeprefix("__imp_"), True
    field = body[offset : offset + 8]
    relocation = Relocation(
        offset,
        kind.name,
        symbol.removeprefix(platform.symbol_prefix),
        _addend(kind.addend, record, field),
        got,
    )
    return _made_exact(relocation, kind, record, field, _number(section.get("Address", 0)))


def _made_exact(
    relocation: Relocation, kind: RelocationKind, record: _Json, field: bytes, start: int
) -> Relocation:
    """Add what the format defines to what the generators take; *start* is the section's own address."""
    exact = _addend(kind.exact or kind.addend, record, field)
    if "Symbol" in record or (kind.exact or kind.addend) is Addend.NONE:
        return replace(relocation, exact_addend=exact) if exact != relocation.addend else relocation
    if kind.addend is not Addend.PC32_IN_PLACE:
        return replace(relocation, exact_addend=0, address=exact)
    # The field holds the distance from the end of the instruction to an address of the object's own.
    end = 4 + kind.tail
    return replace(relocation, exact_addend=-end, address=start + relocation.offset + end + exact + 4)


def _addend(place: Addend, record: _Json, field: bytes) -> int:
    word = int.from_bytes(field[:4], "little")
    match place:
        case Addend.EXPLICIT:
            return _signed(record["Addend"])
        case Addend.PC32_IN_PLACE:
            return int.from_bytes(field[:4], "little", signed=True) - 4
        case Addend.ABS32_IN_PLACE:
            return word
        case Addend.ABS64_IN_PLACE:
            return int.from_bytes(field, "little", signed=True)
        case Addend.ADRP_IN_PLACE:
            # Low two bits first; unlike what the finished instruction holds, these are bytes and not pages.
            bits = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
            return bits - (1 << 21) if bits >> 20 else bits
        case Addend.LOW12_IN_PLACE:
            return (word >> 10 & 0xFFF) << _access_shift(word)
        case Addend.NONE:
            return 0


def _access_shift(word: int) -> int:
    """The unit of the offset in an AArch64 instruction as a power of two: a load or store counts in its size."""
    if word & 0x3B000000 != 0x39000000:
        return 0
    # 16 bytes, of a vector, are encoded as size 0 with bits 26 and 23.
    return 4 if word >> 30 == 0 and word & 0x04800000 == 0x04800000 else word >> 30


def _known_kind(name: str, platform: Platform, where: str, symbol: str) -> RelocationKind:
    kind = KINDS.get(name)
    if kind is None or kind.object_format is not platform.object_format:
        raise RelocationError(f"{where}: relocation {name} against {symbol}: {HELP}")
    return kind


HELP = (
    "no patch function can express it. Rewrite the uop so that the compiler does not emit it "
    "(often a switch that became a jump table, or a constant in memory), or pass a flag that avoids it with cflags="
)


def _signed(value: int) -> int:
    """Addends are 64-bit two's complement, printed unsigned."""
    value %= 1 << 64
    return value - (1 << 64) if value >> 63 else value

"""What llvm-readobj prints, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from property import objects
from property.objects import Part, Reference

from copypatch import readobj
from copypatch.errors import ObjectError, RelocationError
from copypatch.sections import Place, Relocation, Symbol
from copypatch.triples import PLATFORMS, Platform

BY_NAME = {one.name: one for one in PLATFORMS}
ELF, MACHO, COFF = BY_NAME["x86_64-linux"], BY_NAME["x86_64-apple"], BY_NAME["x86_64-windows"]
every_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: one.name)


def printed(platform: Platform, *parts: Part, name: str = "_A") -> str:
    return objects.readobj_text(parts, platform, f"{name}.o")


def text_part(body: bytes, *references: Reference) -> Part:
    return Part(".text", True, body, (("_JIT_ENTRY", 0),), references)


@every_platform
def test_an_object_is_split_off_and_read(platform: Platform) -> None:
    data = Part(".rodata", False, b"Extern\n", (("Extern", 0), ("PrivateExtern", 3)), ())
    text = printed(platform, text_part(b"\1\2\3\4"), data)
    (part,) = readobj.split(text, ["_A.o"])
    code, read = readobj.parse(part, "_A", platform).sections
    assert (code.place, code.body) == (Place.CODE, b"\1\2\3\4")
    assert (read.place, read.body) == (Place.DATA, b"Extern\n")
    assert Symbol("_JIT_ENTRY", 0) in code.symbols
    assert {Symbol("Extern", 0), Symbol("PrivateExtern", 3)} <= set(read.symbols)


def joined(platform: Platform, *texts: str) -> str:
    """What one call for several objects prints."""
    if platform.object_format.value == "ELF":
        return f"[{','.join(text[1:-1] for text in texts)}]"
    return "[\n" + "\n,".join(text.removeprefix("[\n").removesuffix("]") for text in texts) + "]"


@every_platform
def test_the_output_for_several_objects_is_cut_in_the_order_asked_for(platform: Platform) -> None:
    names = ["_A", "_AB", "_B"]
    output = joined(platform, *(printed(platform, text_part(name.encode() * 4), name=name) for name in names))
    parts = readobj.split(output, [f"{name}.o" for name in names])
    bodies = [readobj.parse(part, "_", platform).sections[0].body for part in parts]
    assert bodies == [name.encode() * 4 for name in names]


@every_platform
def test_an_object_that_is_not_in_the_output_is_named(platform: Platform) -> None:
    output = printed(platform, text_part(b"\1"))
    with pytest.raises(ObjectError, match=r"llvm-readobj printed nothing for _B\.o$"):
        readobj.split(output, ["_A.o", "_B.o"])
    both = joined(platform, output, printed(platform, text_part(b"\1"), name="_B"))
    with pytest.raises(ObjectError, match=r"printed nothing for _A\.o"):
        readobj.split(both, ["_B.o", "_A.o"])


def test_a_name_cannot_pass_for_the_start_of_an_object() -> None:
    names = ('\n"File":"_B.o",', ',"File":"_B.o",', '{"FileSummary":{"File":"_B.o",')
    for platform in (ELF, MACHO, COFF):
        part = Part(".text", True, b"\1", tuple((name, 0) for name in names), ())
        with pytest.raises(ObjectError, match=r"_B\.o"):
            readobj.split(printed(platform, part), ["_B.o"])


@pytest.mark.parametrize(
    ("platform", "reference", "body", "expected"),
    [
        (ELF, Reference(2, "R_X86_64_64", "PyNone", -24), bytes(12), ("PyNone", -24, False)),
        (ELF, Reference(2, "R_X86_64_GOTPCRELX", "fn", -4), bytes(12), ("fn", -4, True)),
        (MACHO, Reference(1, "X86_64_RELOC_BRANCH", "fn", 0), bytes(8), ("fn", -4, False)),
        # The field is signed, and relative to its end.
        (MACHO, Reference(0, "X86_64_RELOC_SIGNED", "x", 0), b"\xfe\xff\xff\xff", ("x", -6, False)),
        (MACHO, Reference(0, "X86_64_RELOC_GOT_LOAD", "x", 0), bytes(4), ("x", -4, True)),
        (COFF, Reference(0, "IMAGE_REL_AMD64_REL32", "__imp_x", 0), b"\5\0\0\0", ("x", 1, True)),
        (COFF, Reference(0, "IMAGE_REL_AMD64_REL32", "x", 0), bytes(4), ("x", -4, False)),
        (
            BY_NAME["i686-windows"],
            Reference(0, "IMAGE_REL_I386_DIR32", "__imp_x", 0),
            b"\xff" * 4,
            ("x", 0xFFFFFFFF, True),
        ),
        (
            BY_NAME["aarch64-windows"],
            Reference(0, "IMAGE_REL_ARM64_BRANCH26", "x", 0),
            b"\xff" * 4,
            ("x", 0, False),
        ),
    ],
)
def test_where_the_addend_is(
    platform: Platform, reference: Reference, body: bytes, expected: tuple[str, int, bool]
) -> None:
    text = printed(platform, text_part(body, reference))
    (section,) = readobj.parse(readobj.split(text, ["_A.o"])[0], "_A", platform).sections
    assert section.relocations == (Relocation(reference.offset, reference.kind, *expected),)


@pytest.mark.parametrize("platform", [ELF, MACHO, COFF], ids=lambda one: one.name)
def test_an_unknown_relocation_is_told_with_its_place_and_the_way_out(platform: Platform) -> None:
    text = printed(platform, text_part(bytes(20), Reference(12, "R_X86_64_TLSGD", "errno", 0)))
    with pytest.raises(RelocationError) as raised:
        readobj.parse(readobj.split(text, ["_A.o"])[0], "_A", platform)
    message = str(raised.value)
    assert message.startswith("_A: section ")
    for part in ("text, offset 0xc: relocation R_X86_64_TLSGD against errno", "Rewrite the uop", "cflags="):
        assert part in message


def test_a_kind_of_another_format_is_unknown() -> None:
    text = printed(MACHO, text_part(bytes(8), Reference(0, "R_X86_64_64", "x", 0)))
    with pytest.raises(RelocationError, match="relocation R_X86_64_64 against x"):
        readobj.parse(readobj.split(text, ["_A.o"])[0], "_A", MACHO)


@pytest.mark.parametrize("platform", [ELF, MACHO, COFF], ids=lambda one: one.name)
def test_a_relocation_outside_of_its_section_is_refused(platform: Platform) -> None:
    kind = objects.kinds_of(platform)[0].name
    text = printed(platform, text_part(bytes(8), Reference(6, kind, "x", 0)))
    with pytest.raises(ObjectError, match=r"_A: section .*text, offset 0x6: .* outside of the section's 8 bytes"):
        readobj.parse(readobj.split(text, ["_A.o"])[0], "_A", platform)


@every_platform
@pytest.mark.parametrize("text", ["", "{", "[", '{"FileSummary":{},"Sections":[{"Section":', '"Sections":[{]'])
def test_malformed_json_is_told_of_the_uop(platform: Platform, text: str) -> None:
    with pytest.raises(ObjectError, match=r"_A: llvm-readobj printed (malformed JSON|no sections)"):
        readobj.parse(text, "_A", platform)


def elf_with(**fields: Any) -> str:
    record = {
        "Index": 1,
        "Name": {"Name": ".thing"},
        "Type": {"Name": "SHT_PROGBITS"},
        "Flags": {"Flags": [{"Name": "SHF_ALLOC"}]},
        "Size": 3,
        "Symbols": [],
        "SectionData": {"Bytes": [1, 2, 3]},
    }
    return json.dumps({"Sections": [{"Section": record | fields}]})


def test_zero_filled_sections_have_a_size_alone() -> None:
    (section,) = readobj.parse(elf_with(Type={"Name": "SHT_NOBITS"}), "_A", ELF).sections
    assert section.body == bytes(3)


def test_what_is_not_loaded_is_left_out() -> None:
    assert readobj.parse(elf_with(Flags={"Flags": []}), "_A", ELF).sections == ()


def test_a_section_that_no_stencil_can_hold_is_named() -> None:
    with pytest.raises(ObjectError, match=r"_A: section \.thing is of type SHT_INIT_ARRAY, which no stencil can"):
        readobj.parse(elf_with(Type={"Name": "SHT_INIT_ARRAY"}), "_A", ELF)


@pytest.mark.parametrize(
    "fields",
    [
        {"Type": {"Name": "SHT_NOBITS"}, "Size": 1 << 70},
        {"Type": {"Name": "SHT_NOBITS"}, "Size": -1},
        {"SectionData": {"Bytes": [256]}},
        {"SectionData": None},
        {"Name": {"Name": 3}},
        {"Symbols": [{"Symbol": {"Name": {"Name": "x"}, "Value": "0"}}]},
    ],
)
def test_a_shape_that_llvm_does_not_print_is_told_of_the_uop(fields: dict[str, Any]) -> None:
    with pytest.raises(ObjectError, match=r"_A: the output of llvm-readobj is not of the expected shape .*newer"):
        readobj.parse(elf_with(**fields), "_A", ELF)


def test_a_number_of_bytes_is_no_section() -> None:
    text = (
        printed(ELF, text_part(b"\1"))
        .replace('"Bytes":[1]', '"Bytes":99999999999')
        .replace('"Bytes": [1]', '"Bytes": 99999999999')
    )
    assert "99999999999" in text
    with pytest.raises(ObjectError, match="_A"):
        readobj.parse(readobj.split(text, ["_A.o"])[0], "_A", ELF)

"""From sections to stencils."""

from __future__ import annotations

from dataclasses import replace

import pytest
from property.pipeline import DIALECTS

from copypatch import stencil
from copypatch.errors import ObjectError, RelocationError
from copypatch.far_calls import TRAMPOLINE
from copypatch.holes import CODE, DATA, ZERO, Hole, StencilGroup
from copypatch.sections import ObjectSections, Place, Relocation, Section, Symbol
from copypatch.triples import PLATFORMS, Platform

BY_NAME = {one.name: one for one in PLATFORMS}
X86, ARM = BY_NAME["x86_64-linux"], BY_NAME["aarch64-linux"]
NEW, OLD = DIALECTS["3.14"].stencil, DIALECTS["3.13"].stencil
ENTRY = Symbol("_JIT_ENTRY", 0)


def code(body: bytes, *relocations: Relocation, symbols: tuple[Symbol, ...] = (ENTRY,)) -> Section:
    return Section(1, ".text", Place.CODE, body, symbols, relocations)


def data(body: bytes, *relocations: Relocation, symbols: tuple[Symbol, ...] = (), index: int = 2) -> Section:
    return Section(index, ".rodata", Place.DATA, body, symbols, relocations)


def build(
    *sections: Section,
    platform: Platform = X86,
    rules: stencil.StencilRules = NEW,
    lines: tuple[str, ...] = (),
) -> StencilGroup:
    return stencil.build(ObjectSections(platform.object_format, sections), lines, "_A", platform, rules)


def test_run_time_values_own_names_and_external_names() -> None:
    group = build(
        code(
            bytes(40),
            Relocation(0, "R_X86_64_64", "_JIT_OPARG", 0, False),
            Relocation(8, "R_X86_64_64", "str", 2, False),
            Relocation(16, "R_X86_64_64", "PyNone", -24, False),
            Relocation(24, "R_X86_64_64", "_JIT_ENTRY", 4, False),
            Relocation(32, "R_X86_64_64", "_JIT_UNHEARD_OF", 0, False),
        ),
        data(b"0123", symbols=(Symbol("str", 1),)),
    )
    assert [(hole.value, hole.symbol, hole.addend) for hole in group.code.holes] == [
        ("OPARG", None, 0),
        (DATA, None, 3),
        (ZERO, "PyNone", -24),
        (CODE, None, 4),
        (ZERO, "_JIT_UNHEARD_OF", 0),
    ]
    assert group.data.body == b"0123\0\0\0\0"
    assert group.data.disassembly == ("0: '0123'", "4: 00 00 00 00")


def test_the_offset_table_has_one_slot_a_name_behind_the_data() -> None:
    group = build(
        code(
            bytes(16),
            Relocation(8, "R_X86_64_GOTPCRELX", "fn", -4, True),
            Relocation(0, "R_X86_64_GOTPCRELX", "_JIT_TARGET", -4, True),
            Relocation(4, "R_X86_64_REX_GOTPCRELX", "fn", -4, True),
            Relocation(12, "R_X86_64_GOTPCRELX", "str", -4, True),
        ),
        data(b"0123", symbols=(Symbol("str", 1),)),
    )
    # Slots are numbered in the order of the object file, holes are in the order of their offsets.
    assert [(hole.offset, hole.value, hole.addend) for hole in group.code.holes] == [
        (0, DATA, 12),
        (4, DATA, 4),
        (8, DATA, 4),
        (12, DATA, 20),
    ]
    assert [(hole.offset, hole.value, hole.symbol, hole.addend) for hole in group.data.holes] == [
        (8, ZERO, "fn", 0),
        (16, "TARGET", None, 0),
        (24, DATA, None, 1),
    ]
    assert group.data.body == b"0123" + bytes(28)
    assert group.data.disassembly[2:] == ("8: &fn+0x0", "10: TARGET", "18: DATA+0x1")


JUMP = Relocation(3, "R_X86_64_PLT32", "_JIT_CONTINUE", -4, False)


def test_a_jump_to_the_next_uop_is_dropped_from_the_end_alone() -> None:
    dropped = build(code(b"\x90\x90\xe9\0\0\0\0", JUMP))
    assert (dropped.code.body, dropped.code.holes) == (b"\x90\x90", ())
    kept = build(code(b"\x90\x90\xe9\0\0\0\0\x90", JUMP))
    assert len(kept.code.body) == 8
    assert kept.code.holes == (Hole(3, "R_X86_64_PLT32", "patch_32r", "CONTINUE", None, -4),)
    elsewhere = build(code(b"\x90\x90\xe9\0\0\0\0", replace(JUMP, symbol="fn")))
    assert elsewhere.code.body.endswith(b"\xe9\0\0\0\0")


def test_3_13_drops_a_jump_only_where_the_rest_is_aligned() -> None:
    jump = Relocation(4, "R_AARCH64_JUMP26", "_JIT_CONTINUE", 0, False)
    unaligned = code(b"\x1f\x20\x03\xd5\0\0\0\x14", jump)
    assert len(build(unaligned, platform=ARM, rules=OLD).code.body) == 8
    # 3.14 drops it, and makes up for it with a nop.
    new = build(unaligned, platform=ARM, rules=NEW)
    assert (new.code.body, new.code.holes) == (ARM.nop * 2, ())


def test_code_is_aligned_with_nops_or_zeros() -> None:
    section = code(b"\1\1\1\1", Relocation(0, "R_AARCH64_ABS64", "x", 0, False))
    new, old = (build(section, platform=ARM, rules=rules) for rules in (NEW, OLD))
    assert new.code.body == b"\1\1\1\1" + ARM.nop
    assert old.code.body == b"\1\1\1\1" + bytes(4)
    assert (new.code.disassembly, old.code.disassembly) == ((), ("4: 00 00 00 00",))


def test_code_that_no_nop_can_align_is_told() -> None:
    with pytest.raises(ObjectError, match=r"_A: 6 bytes of code cannot be aligned to 8 .*data in a code section\?"):
        build(code(bytes(6)), platform=ARM)


CALLS = (
    Relocation(4, "R_AARCH64_CALL26", "far", 0, False),
    Relocation(0, "R_AARCH64_CALL26", "near", 0, False),
    Relocation(8, "R_AARCH64_JUMP26", "far", 0, False),
)
CALLER = code(b"\0\0\0\x94" * 2 + b"\0\0\0\x14" + ARM.nop, *CALLS, symbols=(ENTRY, Symbol("near", 12)))


def test_3_14_leaves_the_trampolines_of_far_calls_to_the_merge() -> None:
    group = build(CALLER, platform=ARM)
    assert group.trampolines == ("far",)
    assert [(hole.offset, hole.symbol, hole.trampoline) for hole in group.code.holes] == [
        (0, None, False),
        (4, "far", True),
        (8, "far", True),
    ]
    assert group.code.body == CALLER.body


def test_3_13_puts_a_trampoline_behind_the_code_for_every_call() -> None:
    group = build(CALLER, platform=ARM, rules=OLD)
    assert group.trampolines == ()
    # One for each call, each aligned to 8: the calls in the order of the object file.
    padded = TRAMPOLINE + bytes(4)
    assert group.code.body[16:] == padded * 3
    branches = [int.from_bytes(group.code.body[at : at + 4], "little") for at in (0, 4, 8)]
    assert branches == [0x94000000 | (40 - 0) // 4, 0x94000000 | (16 - 4) // 4, 0x14000000 | (64 - 8) // 4]
    near = [hole for hole in group.code.holes if 40 <= hole.offset < 60]
    assert [(hole.value, hole.addend, hole.function) for hole in near] == [
        (CODE, 12, f"patch_aarch64_16{letter}") for letter in "abcd"
    ]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (code(b"\1", symbols=()), "_A: the object has no _JIT_ENTRY; does the template define it"),
        (
            code(bytes(9), symbols=(Symbol("_JIT_ENTRY", 8),)),
            r"_A: _JIT_ENTRY is at CODE \+ 0x8, not at the start of the code; is there another function",
        ),
        (data(b"\1", symbols=(ENTRY,)), r"_A: _JIT_ENTRY is at DATA \+ 0x0, not at the start of the code"),
    ],
)
def test_an_entry_that_is_not_at_the_start_is_told(section: Section, expected: str) -> None:
    with pytest.raises(ObjectError, match=expected):
        build(section)


def test_a_kind_that_the_dialect_cannot_patch_is_told_with_its_place() -> None:
    relocation = Relocation(5, "R_X86_64_PC32", "glob", -4, False)
    with pytest.raises(
        RelocationError, match=r"_A: section \.text, offset 0x5: relocation R_X86_64_PC32 against glob"
    ):
        build(code(bytes(9), relocation))
    assert build(code(bytes(9), relocation), rules=OLD).code.holes[0].function == "patch_32r"


def test_a_direct_call_into_a_dll_is_told_with_the_way_out() -> None:
    relocation = Relocation(0, "IMAGE_REL_AMD64_REL32", "fn", -4, False)
    with pytest.raises(
        RelocationError, match=r"_A: offset 0x0: .* against fn: declare fn as imported \(PyAPI_FUNC"
    ):
        build(code(bytes(4), relocation), platform=BY_NAME["x86_64-windows"])


def test_the_first_of_two_coff_sections_keeps_the_name_and_the_last_elsewhere() -> None:
    relocation = Relocation(0, "{}", ".rodata", 0, False)
    name = (Symbol(".rodata", 0),)
    for platform, kind, offset in (
        (X86, "R_X86_64_64", 2),
        (BY_NAME["aarch64-windows"], "IMAGE_REL_ARM64_PAGEOFFSET_12A", 0),
    ):
        sections = (
            code(bytes(8), replace(relocation, kind=kind)),
            data(b"01", symbols=name),
            data(b"23", symbols=name, index=3),
        )
        assert build(*sections, platform=platform).code.holes[0].addend == offset


MACHO = BY_NAME["x86_64-apple"]


def test_macho_sections_are_placed_by_their_addresses() -> None:
    text = replace(code(b"\1\2\3"), name="_text", address=0)
    first = replace(data(b"45", symbols=(Symbol("a", 0),)), name="_const", address=3)
    second = replace(data(b"67", symbols=(Symbol("b", 1),), index=3), name="_data", address=8)
    group = build(text, first, second, platform=MACHO)
    assert group.data.body == b"45\0\0\00067\0"
    places = {name: place for name, *place in group.symbols}
    assert (places["a"], places["b"]) == ([DATA, 0], [DATA, 6])


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        (replace(data(b"8"), name="_x", address=4), "_A: section _x overlaps the one before it in the object"),
        (
            replace(code(b"8", symbols=()), name="_x", address=8),
            "_A: code section _x lies behind data in the object",
        ),
    ],
)
def test_a_macho_layout_that_stencils_cannot_keep_is_told(third: Section, expected: str) -> None:
    text = replace(code(b"\1\2\3"), name="_text", address=0)
    second = replace(data(b"4567"), name="_const", address=3)
    with pytest.raises(ObjectError, match=expected):
        build(text, second, third, platform=MACHO)

"""Stencils as people read them: holes by name, jumps by what they lead to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from property.pipeline import DIALECTS

from copypatch import comparison, listing
from copypatch.comparison import compare, side_by_side
from copypatch.emitted import Emitted, Part, Patch
from copypatch.files import read_text
from copypatch.listing import Listing
from support.headers import check_header

_JUMP = "(uintptr_t)code + sizeof(code_body) + -0x4"


def uop(lines: list[str], patches: tuple[Patch, ...] = (), *, size: int = 64, data: Part | None = None) -> Listing:
    code = Part(b"\x90" * size, size, patches, tuple(lines))
    return listing.make(Emitted("_X", ("int a",), code, data or Part()))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_value_of_the_run_time_is_called_by_its_own_name(dialect: object) -> None:
    text = dialect.text  # type: ignore[attr-defined]
    for value, expression in text.expressions.items():
        if value in ("CODE", "DATA", "ZERO"):
            continue
        for addend in ("", " + 0x8", " + -0x4"):
            found = uop([], (Patch(4, "patch_64", expression + addend),))
            assert [hole.name for hole in found.holes] == [value]


def test_a_slot_is_called_by_what_is_in_it_and_a_string_by_its_text() -> None:
    body = b"hello\0\0\0" + bytes(8)
    data = Part(body, 5, (Patch(8, "patch_64", "(uintptr_t)&_Py_Dealloc"),), ())
    found = uop(
        [
            "0: ff 15 00 00 00 00             callq   *(%rip)                 # 0x6 <_JIT_ENTRY+0x6>",
            "0000000000000002:  R_X86_64_GOTPCRELX   _Py_Dealloc-0x4",
            "6: 48 bf 00 00 00 00 00 00 00 00 movabsq $0x0, %rdi",
            "0000000000000008:  R_X86_64_64  .rodata.str1.1",
        ],
        (Patch(2, "patch_x86_64_32rx", "(uintptr_t)data + 0x4"), Patch(8, "patch_64", "(uintptr_t)data")),
        data=data,
    )
    assert [(hole.part, hole.name, hole.kind) for hole in found.holes] == [
        ("code", "_Py_Dealloc", "R_X86_64_GOTPCRELX"),
        ("code", '"hello"', "R_X86_64_64"),
        ("data", "_Py_Dealloc", ""),
    ]
    call, move = found.instructions
    assert (call.plain, move.plain) == ("callq   *(%rip)", "movabsq $0x0, %rdi")
    assert call.holes[0].call == "patch_x86_64_32rx(code + 0x2) = data + 0x4 -> _Py_Dealloc"


def test_a_trampoline_is_called_by_its_function() -> None:
    found = uop(
        ["0: 94000000      bl      0x0 <_JIT_ENTRY>", "0000000000000000:  R_AARCH64_CALL26     cp_raise"],
        (Patch(0, "patch_aarch64_trampoline", "@ordinal(cp_raise)@, state"),),
    )
    (hole,) = found.instructions[0].holes
    assert (hole.name, hole.value) == ("cp_raise", "the trampoline of cp_raise")


_BEFORE = [
    "0: 74 04                         je      0x6 <_JIT_ENTRY+0x6>",
    "2: 90                            nop",
    "3: e9 00 00 00 00                jmp     0x8 <_JIT_ENTRY+0x8>",
    "0000000000000004:  R_X86_64_PLT32       _JIT_CONTINUE-0x4",
]


def test_an_instruction_more_moves_jumps_and_that_is_no_difference() -> None:
    after = [
        "0: 74 06                         je      0x8 <_JIT_ENTRY+0x8>",
        "2: 90                            nop",
        "3: ff c0                         incl    %eax",
        "5: e9 00 00 00 00                jmp     0xa <_JIT_ENTRY+0xa>",
        "0000000000000006:  R_X86_64_PLT32       _JIT_CONTINUE-0x4",
    ]
    jump = [*_BEFORE[:1], *_BEFORE[1:]]
    jump[0] = jump[0].replace("0x6", "0x3")
    after[0] = after[0].replace("0x8", "0x5")
    old, new = uop(jump, (Patch(4, "patch_32r", _JUMP),)), uop(after, (Patch(6, "patch_32r", _JUMP),))
    assert [row.same for row in side_by_side(old, new)] == [True, True, False, True]
    change = comparison.compare_uop(old, new)
    assert (change.lines, change.added, change.removed, change.changed) == (1, (), (), ())


def test_a_jump_to_another_instruction_is_a_difference() -> None:
    elsewhere = [_BEFORE[0].replace("0x6", "0x2"), *_BEFORE[1:]]
    there = [_BEFORE[0].replace("0x6", "0x3"), *_BEFORE[1:]]
    patch = (Patch(4, "patch_32r", _JUMP),)
    rows = side_by_side(uop(elsewhere, patch), uop(there, patch))
    assert [row.same for row in rows] == [False, True, True]


def test_holes_are_compared_by_name_and_filling() -> None:
    old = uop([], (Patch(0, "patch_64", "instruction->oparg"), Patch(8, "patch_64", "(uintptr_t)&gone")))
    new = uop([], (Patch(8, "patch_32", "instruction->oparg"), Patch(16, "patch_64", "(uintptr_t)&come")))
    change = comparison.compare_uop(old, new)
    assert [hole.name for hole in change.added] == ["come"]
    assert [hole.name for hole in change.removed] == ["gone"]
    assert [(one.before.function, one.after.function) for one in change.changed] == [("patch_64", "patch_32")]


def test_what_changed_most_comes_first() -> None:
    def named(name: str, size: int) -> Listing:
        return listing.make(Emitted(name, (), Part(bytes(size), 0), Part()))

    found = compare(
        [named("_A", 1), named("_B", 9), named("_C", 5), named("_D", 5)],
        [named("_A", 2), named("_B", 1), named("_C", 5), named("_E", 7)],
    )
    assert [change.opname for change in found.changed] == ["_B", "_A"]
    assert (list(found.added), list(found.removed), found.unchanged, found.grown) == (["_E"], ["_D"], 1, -5)


def _headers() -> list[Path]:
    folder = os.environ.get("COPYPATCH_HEADERS")
    return (
        sorted(path for path in Path(folder).glob("**/jit_stencils*.h") if path.stat().st_size > 1000)
        if folder
        else []
    )


@pytest.mark.parametrize("path", _headers() or [None], ids=lambda path: path.parent.name if path else "none")
def test_real_headers_are_read_and_written_back(path: Path | None) -> None:
    if path is None:
        pytest.skip("COPYPATCH_HEADERS is not set: a folder with headers that a tree's own generator wrote")
    check_header(read_text(path), str(path))

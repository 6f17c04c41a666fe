"""The merge: what only the whole set of uops decides."""

from __future__ import annotations

import pytest

from copypatch import merge
from copypatch.errors import MergeError
from copypatch.fragment import Fragment, TextRules
from copypatch.triples import parse

RULES = TextRules(("int a,", "int b"), {})


def fragment(opname: str, *trampolines: str) -> Fragment:
    calls = "".join(f"    f(code + 0x0, @ordinal({name})@, state);\n" for name in trampolines)
    return Fragment(opname, 8, 16, trampolines, f"void\nemit_{opname}(\n{{\n{calls}}}\n\n")


def test_ordinals_are_in_the_order_of_first_mention() -> None:
    fragments = [fragment("shim"), fragment("_B", "z", "a"), fragment("_A", "m", "z")]
    assert merge.ordinals(fragments) == {"z": 0, "a": 1, "m": 2}
    text = merge.header(["// x"], fragments, iter(()))
    assert "    f(code + 0x0, 0x2, state);\n    f(code + 0x0, 0x0, state);\n" in text
    assert text.startswith("// x\n\nvoid\nemit_shim(\n")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, "{0}"),
        ({"a": 0}, "{0x01}"),
        ({"a": 1, "b": 4}, "{0x12}"),
        ({"a": 31, "b": 32}, "{0x80000000, 0x01}"),
        # A word of zeros in front keeps its place.
        ({"a": 69}, "{0x00, 0x00, 0x20}"),
    ],
)
def test_masks(numbers: dict[str, int], expected: str) -> None:
    assert merge.mask(fragment("_A", *numbers), numbers) == expected


def test_the_tables_of_3_14() -> None:
    fragments = [fragment("shim"), fragment("_B", *(f"f{index}" for index in range(33))), fragment("_A", "f32")]
    lines = list(merge.footer_3_14(fragments, "shim", RULES))
    assert lines[0] == 'static_assert(SYMBOL_MASK_WORDS >= 2, "SYMBOL_MASK_WORDS too small");'
    assert "static const StencilGroup shim = {emit_shim, 8, 16, {0}};" in lines
    # By name, whatever the order of the functions.
    assert [line for line in lines if line.startswith("    [_")] == [
        "    [_A] = {emit__A, 8, 16, {0x00, 0x01}},",
        "    [_B] = {emit__B, 8, 16, {0xffffffff, 0x01}},",
    ]
    assert "static const void * const symbols_map[33] = {" in lines
    assert lines[-2:] == ["    [32] = &f32,", "};"]


def test_the_tables_of_3_14_without_a_trampoline() -> None:
    lines = list(merge.footer_3_14([fragment("shim"), fragment("_A")], "shim", RULES))
    assert lines[0].startswith("static_assert(SYMBOL_MASK_WORDS >= 1,")
    assert lines[-3:] == ["static const void * const symbols_map[1] = {", "    0", "};"]


def test_the_tables_of_3_13() -> None:
    lines = list(merge.footer_3_13([fragment("_A"), fragment("trampoline")], "trampoline", RULES))
    assert "static const StencilGroup trampoline = {emit_trampoline, 8, 16};" in lines
    assert lines[-2:] == ["    [_A] = {emit__A, 8, 16},", "};"]
    assert not [line for line in lines if "mask" in line]


def test_a_uop_called_like_the_entry_is_told() -> None:
    with pytest.raises(MergeError, match="shim: two fragments of this name; is there a uop called like the shim"):
        merge.header([], [fragment("shim"), fragment("_A"), fragment("shim")], iter(()))


def test_the_dispatcher_picks_by_the_compilers_macros() -> None:
    targets = [(parse(one), f"jit_stencils-{one}.h") for one in ("aarch64-apple-darwin", "x86_64-pc-linux-gnu")]
    assert merge.dispatcher(["// first"], targets) == (
        "// first\n"
        "#if defined(__aarch64__) && defined(__APPLE__)\n"
        '#include "jit_stencils-aarch64-apple-darwin.h"\n'
        "#elif defined(__x86_64__) && defined(__linux__)\n"
        '#include "jit_stencils-x86_64-pc-linux-gnu.h"\n'
        "#else\n"
        '#error "unexpected target"\n'
        "#endif\n"
    )

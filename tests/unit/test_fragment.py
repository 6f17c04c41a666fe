"""The fragment: the C text of one uop."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from property.pipeline import DIALECTS

from copypatch import fragment
from copypatch.errors import MergeError
from copypatch.fragment import Fragment, TextRules
from copypatch.holes import CODE, DATA, ZERO, Hole, Stencil, StencilGroup

RULES = TextRules(("int a,", "int b"), {"CODE": "c", "DATA": "d", "CONTINUE": "c + n", "ZERO": "", "OPARG": "o"})
EMPTY = Stencil(b"", (), ())


def hole(value: str = ZERO, symbol: str | None = None, addend: int = 0, **more: object) -> Hole:
    return replace(Hole(0, "kind", "patch_64", value, symbol, addend), **more)  # type: ignore[arg-type]


def text_of(code: Stencil = EMPTY, data: Stencil = EMPTY, rules: TextRules = RULES, **more: object) -> str:
    group = replace(StencilGroup("_A", code, data, (), ()), **more)  # type: ignore[arg-type]
    return fragment.parse(fragment.write(group, rules), "_A.h").text


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (hole("OPARG"), "o"),
        (hole(CODE, addend=16), "c + 0x10"),
        (hole(DATA, addend=-4), "d + -0x4"),
        (hole(ZERO, "fn"), "(uintptr_t)&fn"),
        (hole(ZERO, "fn", -24), "(uintptr_t)&fn + -0x18"),
        (hole(ZERO, addend=7), "0x7"),
        (hole(), "0x0"),
    ],
)
def test_what_is_patched_in(one: Hole, expected: str) -> None:
    assert fragment.expression(one, RULES) == expected


def test_3_13_writes_nothing_for_nothing() -> None:
    assert fragment.expression(hole(), replace(RULES, literal_zero=False)) == ""


def test_the_text_of_a_whole_group() -> None:
    code = Stencil(bytes(range(1, 10)), (hole("OPARG", offset=1), hole(DATA, offset=8)), ("0: nop",))
    data = Stencil(b"x" + bytes(7), (hole(ZERO, "fn"),), ("0: 'x'",))
    assert text_of(code, data) == (
        "void\nemit__A(\n    int a,\n    int b)\n{\n"
        "    // 0: nop\n"
        "    const unsigned char code_body[9] = {\n"
        "        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,\n"
        "        0x09,\n"
        "    };\n"
        "    // 0: 'x'\n"
        "    const unsigned char data_body[8] = {\n"
        "        0x78,\n"
        "    };\n"
        "    memcpy(data, data_body, sizeof(data_body));\n"
        "    patch_64(data + 0x0, (uintptr_t)&fn);\n"
        "    memcpy(code, code_body, sizeof(code_body));\n"
        "    patch_64(code + 0x1, o);\n"
        "    patch_64(code + 0x8, d);\n"
        "}\n\n"
    )


def test_bytes_that_are_all_zero_are_left_to_the_memory_unless_the_dialect_keeps_them() -> None:
    zeros = Stencil(bytes(8), (hole(ZERO, "fn"),), ())
    assert "data_body" not in text_of(data=zeros)
    assert "patch_64(data + 0x0, (uintptr_t)&fn);" in text_of(data=zeros)
    kept = text_of(data=zeros, rules=replace(RULES, strip_zeros=False))
    assert "data_body[8] = {\n        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,\n" in kept


def calls(text: str) -> list[tuple[str, ...]]:
    return [match.groups() for match in re.finditer(r"^    (patch_\w+)\(code \+ (0x[0-9a-f]+)", text, re.MULTILINE)]


def test_pairs_are_folded_where_the_run_time_asks_for_it() -> None:
    first = hole(DATA, addend=8, function="patch_aarch64_21rx")
    second = hole(DATA, addend=8, function="patch_aarch64_12x", offset=4)
    stencil = Stencil(b"\1" * 8, (first, second), ())
    folding = replace(RULES, fold_pairs=True)
    assert calls(text_of(stencil, rules=folding)) == [("patch_aarch64_33rx", "0x0")]
    assert calls(text_of(stencil)) == [("patch_aarch64_21rx", "0x0"), ("patch_aarch64_12x", "0x4")]
    for other in (
        replace(second, offset=8),
        replace(second, addend=16),
        replace(second, value=CODE),
        replace(second, symbol="x"),
        replace(second, function="patch_aarch64_12"),
    ):
        assert len(calls(text_of(replace(stencil, holes=(first, other)), rules=folding))) == 2


def test_ordinals_are_filled_into_calls_and_not_into_comments() -> None:
    quoted = "patch_x(code + 0x0, @ordinal(fn)@, state);"
    stencil = Stencil(b"\1", (hole(ZERO, "fn", function="patch_x", trampoline=True),), (quoted,))
    group = StencilGroup("_A", stencil, EMPTY, (), ("fn",))
    read = fragment.parse(fragment.write(group, RULES), "_A.h")
    numbered = fragment.number(read, {"fn": 17})
    assert "    patch_x(code + 0x0, 0x11, state);\n" in numbered
    assert f"    // {quoted}\n" in numbered


def test_metadata_is_read_back() -> None:
    group = StencilGroup("_A", Stencil(b"\1\2", (), ()), Stencil(b"\3", (), ()), (), ("f", "g"))
    written = fragment.write(group, RULES)
    read = fragment.parse(written, "_A.h")
    assert read == Fragment("_A", 2, 1, ("f", "g"), written.partition("\n")[2])


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_every_run_time_value_has_an_expression(dialect: object) -> None:
    rules, text = dialect.stencil, dialect.text  # type: ignore[attr-defined]
    assert set(rules.values) <= text.expressions.keys()
    # 3.13.5's pair is folded where the patch functions are those of pairs, and only there.
    assert text.fold_pairs == ("patch_aarch64_21rx" in rules.patch_functions.values())


@pytest.mark.parametrize("text", ["", "void\n", "// copypatch fragment 1 {\n", "// copypatch fragment 1 {}\n"])
def test_a_damaged_fragment_is_told_by_name(text: str) -> None:
    with pytest.raises(MergeError, match=r"out/_A\.h: damaged fragment .*; delete it and build again"):
        fragment.parse(text, "out/_A.h")

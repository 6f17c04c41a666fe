"""The holes file: a format that other tools read, so what it says is fixed here."""

from __future__ import annotations

import json

import pytest

from copypatch.errors import HolesFileError
from copypatch.holes import CODE, DATA, ZERO, Hole, Stencil, StencilGroup
from copypatch.holes_file import dump, load

GROUP = StencilGroup(
    "_ADD",
    Stencil(
        b"\x90\0",
        (
            Hole(0, "R_X86_64_64", "patch_64", ZERO, "fn", -4),
            Hole(1, "R_AARCH64_CALL26", "patch_x", ZERO, "g", 0, True),
        ),
        ('0: 90 "nop"',),
    ),
    Stencil(b"", (), ()),
    (("_JIT_ENTRY", CODE, 0), ("str", DATA, 8)),
    ("g",),
)


def test_it_is_plain_json_with_one_line_a_hole() -> None:
    text = dump(GROUP)
    record = json.loads(text)
    assert (record["format"], record["uop"], record["code"]["body"]) == (1, "_ADD", "9000")
    assert record["symbols"] == {"_JIT_ENTRY": ["CODE", 0], "str": ["DATA", 8]}
    assert record["trampolines"] == ["g"]
    holes = [json.loads(line.rstrip(",")) for line in text.splitlines() if line.startswith('{"offset"')]
    assert holes == record["code"]["holes"]
    assert holes[0]["addend"] == -4
    assert [hole.get("trampoline") for hole in holes] == [None, True]


def test_it_round_trips() -> None:
    assert load(dump(GROUP), "x") == GROUP


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"format": 1', '"format": 2', r"_ADD\.holes\.json: holes file of format 2, not 1; delete it"),
        ('"9000"', '"9"', r"damaged holes file .*; delete it and build again"),
        ('"offset": 0', '"offset": "0"', "damaged holes file"),
        ('"uop": "_ADD"', '"uop": null', "damaged holes file"),
        ('"symbols": {', '"symbols": [{', "damaged holes file"),
        ("}\n", "", "damaged holes file"),
    ],
)
def test_a_damaged_file_is_told_by_name(old: str, new: str, expected: str) -> None:
    text = dump(GROUP)
    assert old in text
    with pytest.raises(HolesFileError, match=expected):
        load(text.replace(old, new), "_ADD.holes.json")

"""Tiny objects, written by hand, through the whole library: what comes out is checked in and compared exactly.

tests/golden/inputs holds, for each target, what llvm-readobj and llvm-objdump print about one small object (the
shape was checked with LLVM 18 and 19; the faults of the Mach-O and COFF output are in it, and names and data that
look like them). tests/golden/expected holds the holes file and the fragment in each dialect. After a change that is
meant to show:

    COPYPATCH_UPDATE_GOLDEN=1 pytest tests/unit/test_golden.py; git diff tests/golden
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest
from property.pipeline import DIALECTS, Texts, group_of

from copypatch import fragment, holes_file
from copypatch.files import read_text, write_if_changed
from copypatch.triples import PLATFORMS, Platform, parse

_HERE = Path(__file__).parents[1] / "golden"
# What 3.13.5 does otherwise than later 3.13s concerns pairs of AArch64 instructions alone.
_CASES = [
    (platform, dialect)
    for platform in PLATFORMS
    for dialect in ("3.13-paired", "3.13", "3.14", "embedded")
    if dialect != "3.13-paired" or platform.name.startswith("aarch64")
]


def check(path: Path, text: str) -> None:
    if os.environ.get("COPYPATCH_UPDATE_GOLDEN"):
        write_if_changed(path, text)
    expected = read_text(path) if path.exists() else ""
    diff = difflib.unified_diff(expected.splitlines(), text.splitlines(), path.name, "now", lineterm="", n=1)
    shown = "\n".join(diff)
    if expected != text:
        pytest.fail(f"{shown}\n\nIf this is meant: COPYPATCH_UPDATE_GOLDEN=1 pytest {__file__}", pytrace=False)


@pytest.mark.parametrize(("platform", "name"), _CASES, ids=[f"{one.name}-{name}" for one, name in _CASES])
def test_object_gives_the_expected_holes_file_and_fragment(platform: Platform, name: str) -> None:
    dialect = DIALECTS[name]
    texts = Texts(
        "_GOLD",
        read_text(_HERE / "inputs" / f"{platform.name}.readobj"),
        read_text(_HERE / "inputs" / f"{platform.name}.objdump"),
    )
    group = group_of(texts, parse(platform.example), dialect)
    expected = _HERE / "expected" / name
    check(expected / f"{platform.name}.holes.json", holes_file.dump(group))
    check(expected / f"{platform.name}.h", fragment.write(group, dialect.text))


def test_every_input_is_used_and_every_expectation_has_an_input() -> None:
    names = {platform.name for platform in PLATFORMS}
    assert {path.name.removesuffix(path.suffix) for path in (_HERE / "inputs").iterdir()} == names
    wanted = {f"{dialect}/{one.name}{suffix}" for one, dialect in _CASES for suffix in (".h", ".holes.json")}
    found = {path.relative_to(_HERE / "expected").as_posix() for path in (_HERE / "expected").rglob("*.*")}
    # A folder of an older Python's could look like a file: "3.13".
    assert {name for name in found if "/" in name} == wanted

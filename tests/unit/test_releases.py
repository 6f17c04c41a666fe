"""The table of releases, against the trees that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from copypatch import releases, tree_engine
from copypatch.dialects import cpython
from copypatch.engine import Engine, choose

PLACES = [("3.13", "COPYPATCH_TREE_3_13"), ("3.14", "COPYPATCH_TREE_3_14"), ("3.14", "COPYPATCH_TOOLS_JIT_3_14")]


def version(tree: Path) -> str:
    text = (tree / "Include" / "patchlevel.h").read_text(encoding="utf-8")
    found = dict(re.findall(r"^#define PY_(MAJOR|MINOR|MICRO)_VERSION\s+(\d+)", text, re.MULTILINE))
    return f"{found['MAJOR']}.{found['MINOR']}.{found['MICRO']}"


@pytest.mark.parametrize(("dialect", "variable"), PLACES)
def test_a_release_is_the_one_in_the_table(place: Callable[[str], Path], dialect: str, variable: str) -> None:
    tree = place(variable)
    tools, name = tree / "Tools" / "jit", version(tree)
    found = tree_engine.python_files(tools)
    making = {file: digest for file, digest in found.items() if file not in cpython.LAYOUT.nothing}
    known = releases.PROVED[dialect]
    if name not in known and not releases.is_proved(dialect, making):
        # What Debian has of it is never the same for long.
        pytest.skip(f"{name} is not in releases.py; its entry, once it is proved: {json.dumps(making)}")
    assert making in known.values()
    assert known.get(name, making) == making
    assert choose(Engine.AUTO, dialect, cpython.LAYOUT, tools).passes is None


def test_every_entry_is_of_whole_releases() -> None:
    for dialect, known in releases.PROVED.items():
        for name, files in known.items():
            assert name.startswith(f"{dialect}.")
            assert files.keys() == cpython.LAYOUT.fragment
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in files.values())
        assert len({json.dumps(files) for files in known.values()}) == len(known)


def test_an_entry_can_be_told_from_another() -> None:
    ((first, second),) = [tuple(known.values()) for dialect, known in releases.PROVED.items() if dialect == "3.13"]
    assert releases.is_proved("3.13", first)
    assert not releases.is_proved("3.14", first)
    mixed = {**first, "_writer.py": second["_writer.py"]}
    assert not releases.is_proved("3.13", mixed)
    assert releases.unknown("3.13", mixed) == []
    assert releases.unknown("3.13", {**first, "_writer.py": "0"}) == ["_writer.py"]
    assert releases.unknown("3.13", {**first, "_new.py": "0"}) == ["_new.py"]

"""Depfiles as clang writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch.depfile import parse


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("x:\n", []),
        ("x: a.c\n", ["a.c"]),
        ("x: a.c /usr/include/b.h \\\n  c.h \\\n  d.h\n", ["a.c", "/usr/include/b.h", "c.h", "d.h"]),
        ("x: my\\ dir/a.h b.h\n", ["my dir/a.h", "b.h"]),
        ("x: a\\#b.h c$$d.h\n", ["a#b.h", "c$d.h"]),
        ("x: C:/include/a.h\n", ["C:/include/a.h"]),
    ],
)
def test_prerequisites(text: str, paths: list[str]) -> None:
    assert parse(text) == [Path(path) for path in paths]

"""Edits of a tree as its developers make them; each round makes another one, on top of those before."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bench.processes import BenchError

_CASE = re.compile(r"^ {8}case (\w+): \{\n", re.MULTILINE)
# Works in every case of both CPython and the embedded templates, and changes the machine code.
_STATEMENT = (
    "            if (CURRENT_OPARG() == {number}) {{\n                JUMP_TO_JUMP_TARGET();\n            }}\n"
)
_THREAD_STATE = "struct _ts {\n"


def change(path: Path, edit: Callable[[str], str]) -> None:
    """Rewrite a file with what *edit* makes of its text. Raises BenchError when that is the same."""
    text = path.read_text(encoding="utf-8")
    edited = edit(text)
    if edited == text:
        raise BenchError(f"{path.name}: there was nothing to edit in it")
    path.write_text(edited, encoding="utf-8")


def edit_case(cases: Path, number: int) -> str:
    """Give one uop a new statement, another uop each time; return its name."""
    found = list(_CASE.finditer(cases.read_text(encoding="utf-8")))
    if not found:
        raise BenchError(f"{cases.name}: no case in it")
    # Steps of a third of the file: large and small uops, near its top and near its end.
    case = found[(len(found) // 3 * number + number) % len(found)]
    statement = _STATEMENT.format(number=40_000 + number)
    change(cases, lambda text: text[: case.end()] + statement + text[case.end() :])
    return case[1]


def comment_in_header(tree: Path, number: int) -> None:
    """Make a comment of Include/object.h longer; every uop includes that header."""
    change(tree / "Include" / "object.h", lambda text: text.replace("*/", f"(edit {number}) */", 1))


def new_field(tree: Path, number: int) -> None:
    """Give the thread state, which every uop gets, a new first field: all offsets behind it move."""
    field = f"    void *copypatch_bench_{number};\n"
    path = tree / "Include" / "cpython" / "pystate.h"
    change(path, lambda text: text.replace(_THREAD_STATE, _THREAD_STATE + field, 1))

"""clang's messages in the user's terms."""

from __future__ import annotations

from pathlib import Path

from copypatch.diagnostics import relocate, without

CASES = Path("/cpython/Python/executor_cases.c.h")
SAID = """\
./_ADD.c:12:5: error: use of undeclared identifier 'x'
   12 |     x;
      |     ^
In file included from ./_ADD.c:3:
/usr/include/a.h:1:1: note: see ./_ADD.c:12 here
./_POP.c:7:1: warning: unused
1 warning and 1 error generated.
2 errors generated.
"""


def test_places_in_a_uops_source_become_places_in_the_users_files() -> None:
    told = relocate(SAID, {"_ADD": lambda line: (CASES, line + 100)})
    lines = told.splitlines()
    assert lines[0] == f"{CASES}:112:5: error: use of undeclared identifier 'x'"
    assert lines[3] == f"In file included from {CASES}:103:"
    # What is quoted, what is elsewhere, and uops that nobody can place stay as they are.
    assert lines[4] == "/usr/include/a.h:1:1: note: see ./_ADD.c:12 here"
    assert lines[5] == "./_POP.c:7:1: warning: unused"
    assert len(lines) == 6


def test_messages_about_one_uop_can_be_left_out() -> None:
    kept = without(SAID, "_ADD")
    assert "_POP.c:7" in kept
    assert "undeclared" not in kept
    assert without(SAID, "_NONE") == SAID

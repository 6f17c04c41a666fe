"""The closing line of a build."""

from __future__ import annotations

import io
import re

from copypatch.console import Console
from copypatch.report import Report


def report() -> tuple[Report, io.StringIO]:
    screen = io.StringIO()
    made = Report(Console(screen, screen, live=False))
    made.total = 10
    return made, screen


def counts(line: str) -> dict[str, int]:
    assert line.startswith("copypatch: ")
    assert re.search(r", \d+\.\d\d s$", line)
    return {what: int(number) for number, what in re.findall(r"(\d+) ([a-z ]+)(?=[,:])", line)}


def test_everything_up_to_date() -> None:
    made, _ = report()
    assert counts(made.line()) == {
        "uops": 10,
        "up to date": 10,
        "restored": 0,
        "compiled in shards": 0,
        "compiled alone": 0,
    }


def test_a_uop_counts_once_whatever_happened_to_it_and_for_each_target() -> None:
    made, screen = report()
    made.compiled("linux", alone=["_A"], sharded=["_B", "_C"])
    made.compiled("darwin", alone=["_A"], sharded=[])
    made.fail("linux", "_A", "_A: no _JIT_ENTRY")
    made.fail("linux", "_D")
    said = counts(made.line())
    assert (said["failed"], said["compiled in shards"], said["compiled alone"]) == (2, 2, 1)
    # What was said already is not said again.
    assert screen.getvalue() == "copypatch: error: _A: no _JIT_ENTRY\n"

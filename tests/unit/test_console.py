"""What the user sees."""

from __future__ import annotations

import io
import threading
import time

import pytest

from copypatch.console import Console, paint


def console(*, live: bool) -> tuple[Console, io.StringIO]:
    screen = io.StringIO()
    return Console(screen, screen, live), screen


def test_a_log_gets_plain_lines() -> None:
    log, screen = console(live=False)
    log.doing("compiling", 2)
    log.doing("reading", 1)
    log.doing("merging")
    log.line("done")
    assert screen.getvalue() == "compiling 2 uops\nreading 1 uop\nmerging\ndone\n"


def test_a_terminal_gets_one_line_that_makes_room_for_what_stays() -> None:
    terminal, screen = console(live=True)
    terminal.doing("compiling", 2)
    terminal.doing("merging")
    terminal.warn("mind the gap")
    terminal.line("done")
    clear = "\r\033[K"
    assert screen.getvalue() == (
        f"{clear}compiling 2 uops{clear}merging{clear}copypatch: warning: mind the gap\ndone\n"
    )


def test_messages_go_to_the_other_stream_whole() -> None:
    out, err = io.StringIO(), io.StringIO()
    split = Console(out, err, live=False)
    split.error("a.h: no such file\n")
    split.show("two\nlines\n\n")
    split.show(" \n")
    assert err.getvalue() == "copypatch: error: a.h: no such file\ntwo\nlines\n"
    assert out.getvalue() == ""


def test_a_log_is_told_once_that_something_long_begins() -> None:
    log, screen = console(live=False)
    with log.progress("compiling", 3, lambda: (1, ["_A"])):
        time.sleep(0.15)
    assert screen.getvalue() == "compiling 3 uops\n"


def test_a_terminal_sees_how_far_it_is_and_at_what(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, screen = console(live=True)
    looks = iter([(1, ["_A", "_B"]), (2, ["_C"])])
    seen = threading.Event()

    def look() -> tuple[int, list[str]]:
        found = next(looks, None)
        if found is None:
            seen.set()
        return found or (3, [])

    monkeypatch.setenv("COLUMNS", "100")
    with terminal.progress("compiling", 3, look):
        assert seen.wait(10)
    terminal.line("done")
    text = screen.getvalue()
    clear = "\r\033[K"
    assert f"{clear}compiling [########................] 1/3  _A, _B{clear}" in text
    assert f"{clear}compiling [################........] 2/3  _C{clear}" in text
    assert text.endswith(f"{clear}done\n")
    assert "\033[3" not in text, "no colours unless they are wanted"


def test_colours_stand_beside_words() -> None:
    assert paint("error:", "red", colours=True) == "\033[31merror:\033[0m"
    assert paint("error:", "red", colours=False) == "error:"

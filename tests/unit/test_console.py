"""What the user sees."""

from __future__ import annotations

import io

from copypatch.console import Console


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

"""Work that is begun ahead is done once, and told once."""

from __future__ import annotations

import threading

import pytest

from copypatch.ahead import Ahead


def test_work_is_done_once_and_told_to_the_first_who_asks() -> None:
    ahead, calls = Ahead(), []

    def work() -> str:
        calls.append(threading.current_thread())
        return "a warning"

    ahead.begin("a", work)
    assert [ahead.do("a", work), ahead.do("a", work)] == ["a warning", ""]
    assert len(calls) == 1
    assert calls[0] is not threading.current_thread(), "it was begun in the background"
    assert ahead.do("b", work) == "a warning"


def test_what_is_raised_is_raised_to_everybody() -> None:
    ahead = Ahead()

    def work() -> str:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            ahead.do("a", work)

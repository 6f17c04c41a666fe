"""make's jobserver: who may run how many programs, and what happens to the slots."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from copypatch import jobserver
from copypatch.jobserver import Jobserver
from copypatch.process import Runner

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """What make hands on: a pipe in which there is a byte for each further program."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def _joined(pipe: tuple[int, int], tokens: bytes = b"") -> Jobserver:
    os.write(pipe[1], tokens)
    joined = jobserver.join({"MAKEFLAGS": f"k -j9 --jobserver-auth={pipe[0]},{pipe[1]} -- X=1"})
    assert joined is not None
    return joined


def _left(pipe: tuple[int, int]) -> bytes:
    os.set_blocking(pipe[0], False)
    try:
        return os.read(pipe[0], 100)
    except BlockingIOError:
        return b""


def _most_at_a_time(slots: Jobserver, expected: int) -> int:
    """Run many things, each of which waits for as many as are expected to run beside it."""
    lock, running, most, reached = threading.Lock(), [0], [0], threading.Event()

    def work(_thing: int) -> None:
        with slots:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
                if running[0] >= expected:
                    reached.set()
            reached.wait(5)
            time.sleep(0.01)
            with lock:
                running[0] -= 1

    Runner(jobs=9).map(work, range(12))
    return most[0]


@pytest.mark.parametrize("tokens", [b"", b"a", b"+-+"])
def test_no_more_run_than_there_are_slots(pipe: tuple[int, int], tokens: bytes) -> None:
    assert _most_at_a_time(_joined(pipe, tokens), 1 + len(tokens)) == 1 + len(tokens)
    # The very bytes go back.
    assert sorted(_left(pipe)) == sorted(tokens)


def test_a_slot_that_another_program_gives_back_is_used(pipe: tuple[int, int]) -> None:
    slots, second = _joined(pipe), threading.Event()

    def other() -> None:
        with slots:
            second.set()

    with slots:
        thread = threading.Thread(target=other)
        thread.start()
        assert not second.wait(0.1)
        os.write(pipe[1], b"t")
        assert second.wait(5)
    thread.join()
    assert _left(pipe) == b"t"


def test_who_waits_for_makes_slot_takes_the_recipes_own(pipe: tuple[int, int]) -> None:
    """Make's slots may all be held by others that wait for us."""
    slots, second = _joined(pipe), threading.Event()

    def other() -> None:
        with slots:
            second.set()

    with slots:
        thread = threading.Thread(target=other)
        thread.start()
        assert not second.wait(0.1)
    assert second.wait(5)
    thread.join()


def test_an_error_gives_the_slot_back(pipe: tuple[int, int]) -> None:
    slots = _joined(pipe, b"1")
    for _ in range(3):
        with pytest.raises(RuntimeError), slots, slots:
            raise RuntimeError
    assert _left(pipe) == b"1"


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    os.write(held, b"ab")
    joined = jobserver.join({"MAKEFLAGS": f" -j3 --jobserver-auth=fifo:{path}"})
    assert joined is not None
    assert _most_at_a_time(joined, 3) == 3
    assert sorted(os.read(held, 9)) == sorted(b"ab")
    os.close(held)


def test_there_is_none_to_join(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    flags = [
        None,
        "",
        "n -j2",
        " -j --warn-undefined-variables",
        # Only a variable of the user's says so.
        f"k -- X=--jobserver-auth={reading},{writing}",
        # As make closes them for what is no make, and as it says that it has none.
        " -j2 --jobserver-auth=900,901",
        " -j2 --jobserver-auth=-2,-2",
        f" -j2 --jobserver-auth={writing},{reading}",
        f" -j2 --jobserver-auth={file},{file}",
        f" -j2 --jobserver-auth=fifo:{tmp_path / 'nothing'}",
        " -j2 --jobserver-auth=something new",
    ]
    for value in flags:
        assert jobserver.join({} if value is None else {"MAKEFLAGS": value}) is None, value
    os.close(file)


def test_programs_of_a_runner_take_slots(pipe: tuple[int, int]) -> None:
    slots = _joined(pipe, b"x")
    runner = Runner(4, slots)
    started = time.monotonic()
    runner.map(lambda _: runner.run(["sleep", "0.2"]), range(4))
    # Two at a time.
    assert time.monotonic() - started >= 0.4
    assert _left(pipe) == b"x"

"""Running the LLVM tools: the one seam between copypatch and other programs.

Everything that starts a process takes a :class:`Runner`, so a test can count or fake the commands.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from copypatch.timeline import Timeline

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished process left: its exit status (negative: the signal that killed it) and its output."""

    status: int
    stdout: bytes
    stderr: str


class Runner:
    """Runs programs, at most *jobs* at a time, however many threads ask for it.

    *jobs* is what the user said with ``-j``: several targets of one build share it. Each program runs in a context
    of *slots*, which is to let in no more than may run now. *timeline* is told what runs.
    """

    def __init__(self, jobs: int = 1, slots: AbstractContextManager[object] | None = None) -> None:
        self.jobs = max(1, jobs)
        self.timeline = Timeline()
        self._slots = slots or threading.BoundedSemaphore(self.jobs)

    def run(self, command: Sequence[str], *, cwd: Path | None = None) -> Result:
        """Run one command to its end. A program that cannot be started is a status of 127 and the reason."""
        with self._slots, self.timeline.process(command):
            try:
                # Inherited is what was made to be, which is the lock of the output folder.
                process = subprocess.run(
                    command, cwd=cwd, capture_output=True, check=False, stdin=subprocess.DEVNULL, close_fds=False
                )
            except OSError as error:
                return Result(127, b"", f"{command[0]}: {os.strerror(error.errno or 0)}\n")
        return Result(process.returncode, process.stdout, process.stderr.decode("utf-8", "replace"))

    def map(self, function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
        """Apply *function* to every item, *jobs* at a time, and return the results in the order of the items.

        The first exception stops what has not started yet and is raised.
        """
        todo = list(items)
        if self.jobs == 1 or len(todo) < 2:
            return [function(item) for item in todo]
        # Late: not every process has to do many things at a time.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=min(self.jobs, len(todo))) as pool:
            futures = [pool.submit(function, item) for item in todo]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

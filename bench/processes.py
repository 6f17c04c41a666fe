"""Runs real processes and measures them: wall time, CPU time of all that they started, and peak memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class BenchError(Exception):
    """Something that was to be measured went wrong, so its time would mean nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    *wall* and *cpu* are in seconds; *cpu* is user and system time of the process and of all processes below it.
    *peak* is the resident memory of the largest single process among them, in bytes.
    """

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended well: what it cost, and what it said."""

    sample: Sample
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Finished:
    """Run a command in *folder* and measure it. Raises BenchError with its last words when it fails."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        # Not a with block: wait4 below is what waits, since it tells the CPU time of this one process tree.
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if process.returncode:
        said = "\n".join(text.splitlines()[-12:])
        raise BenchError(f"{Path(command[0]).name} {command[1]} ... failed ({process.returncode}):\n{said}")
    # Linux counts ru_maxrss in KiB.
    return Finished(Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024), text)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a measured process: the user's own settings must not decide what is measured."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "HOME") if name in os.environ}
    return {**kept, "XDG_CACHE_HOME": str(home), **more}

"""How far a compile is, and which uops it is at: told from the files that appear and the processes that run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.timeline import worked_on


def of_compile(plan: Plan, opnames: Sequence[str], runner: Runner) -> Callable[[], tuple[int, list[str]]]:
    """Return a function that says how many of *opnames* have objects made since now, and which are in work."""
    wanted = set(opnames)
    # Times of files are those of the kernel's last tick.
    start = time.time_ns() - 20_000_000
    # A shard leaves its objects beside the sources until it ends.
    folders = [plan.paths.object(opnames[0]).parent, plan.paths.source(opnames[0]).parent]

    def look() -> tuple[int, list[str]]:
        done = {name for folder in folders for name in _objects(folder, start) if name in wanted}
        running = (worked_on(command) for command in runner.timeline.running())
        now = [next((name for name in names if name in wanted and name not in done), "") for names in running]
        return len(done), [name for name in now if name]

    return look


def _objects(folder: Path, since: int) -> list[str]:
    found = []
    # What is gone by the time that it is looked at was moved.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".o"):
                with suppress(OSError):
                    if entry.stat().st_mtime_ns >= since:
                        found.append(entry.name.removesuffix(".o"))
    return found

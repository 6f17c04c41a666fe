"""The report of a build: what became of each uop, and the closing line that says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

from copypatch.console import Console


class Report:
    """Counts uops by what became of them, and passes on what was said about them; threads share it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.total = 0
        self.restored: set[tuple[str, str]] = set()
        self.sharded: set[tuple[str, str]] = set()
        self.alone: set[tuple[str, str]] = set()
        self.failed: set[tuple[str, str]] = set()
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def compiled(self, plan: str, *, alone: Collection[str], sharded: Collection[str]) -> None:
        """Record uops of a plan that were compiled."""
        with self._lock:
            self.alone.update((plan, opname) for opname in alone)
            self.sharded.update((plan, opname) for opname in sharded)

    def fail(self, plan: str, opname: str, message: str = "") -> None:
        """Record a uop that cannot be had, and say why unless that was said already."""
        with self._lock:
            self.failed.add((plan, opname))
        if message:
            self.console.error(message)

    def line(self, *, done: bool = True) -> str:
        """Return the closing line; *done* says that everything asked for was built."""
        sharded, alone = self.sharded - self.failed, self.alone - self.failed
        made = (
            f"{len(self.restored)} restored, {len(sharded)} compiled in shards, {len(alone)} compiled alone, "
            f"{len(self.failed)} failed, "
        )
        seconds = f"{time.monotonic() - self._started:.2f} s"
        if not done:
            return f"copypatch: not finished: of {self.total} uops {made}{seconds}"
        fresh = self.total - len(self.restored | sharded | alone)
        return f"copypatch: {self.total} uops: {fresh} up to date, {made.removesuffix('0 failed, ')}{seconds}"

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
        # Why uops are not up to date, by plan and uop.
        self.reasons: dict[str, dict[str, str]] = {}
        # Why uops that came out of the cache were looked for there, by plan and uop.
        self.restored_for: dict[tuple[str, str], str] = {}
        self.explain = False
        self.restored: set[tuple[str, str]] = set()
        self.sharded: set[tuple[str, str]] = set()
        self.alone: set[tuple[str, str]] = set()
        self.failed: set[tuple[str, str]] = set()
        self._warned: set[tuple[str, str]] = set()
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def compiling(self, plan: str, opnames: Collection[str]) -> None:
        """Say why uops are compiled, if that was asked for."""
        if self.explain:
            for opname in opnames:
                self.console.line(f"explain: {opname}: {self.reasons.get(plan, {}).get(opname, 'asked for')}")

    def compiled(self, plan: str, *, alone: Collection[str], sharded: Collection[str]) -> None:
        """Record uops of a plan that were compiled."""
        with self._lock:
            self.alone.update((plan, opname) for opname in alone)
            self.sharded.update((plan, opname) for opname in sharded)

    def warned(self, plan: str, opnames: Collection[str]) -> None:
        """Record uops that the compiler had something to say about."""
        with self._lock:
            self._warned.update((plan, opname) for opname in opnames)

    def has_warned(self, plan: str, opname: str) -> bool:
        """Tell whether the compiler had something to say about a uop in this build."""
        return (plan, opname) in self._warned

    def restore(self, plan: str, opnames: Collection[str]) -> None:
        """Record uops of a plan that came out of the cache."""
        with self._lock:
            self.restored.update((plan, opname) for opname in opnames)

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

    def forecast(self) -> list[str]:
        """Return the lines in which a dry run says what a build would do."""
        stale = {f"{opname}": reason for reasons in self.reasons.values() for opname, reason in reasons.items()}
        lines = [f"copypatch: would build {opname}: {reason}" for opname, reason in stale.items()]
        count = sum(len(reasons) for reasons in self.reasons.values())
        fresh = self.total - count - len(self.restored)
        total = (
            f"copypatch: {self.total} uops: {fresh} up to date, {len(self.restored)} would be restored, "
            f"{count} would be restored or compiled"
        )
        return [*lines, total]

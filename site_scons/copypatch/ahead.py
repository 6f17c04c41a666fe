"""Work that is done once in a run, begun as soon as it is known to be needed.

Between the decision that something is stale and the first step, an executor has its graph to declare, which keeps
one core busy; the others can start on what everything else waits for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future


class Ahead:
    """Work by name, each done once. What it returns is for whoever asks first; what it raises is for everybody."""

    def __init__(self) -> None:
        self._begun: dict[str, Future[str]] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, name: str, work: Callable[[], str]) -> None:
        """Begin some work in the background, unless it was begun. It ends before the process does."""
        with self._lock:
            if name not in self._begun:
                # Late: not every process begins something.
                from concurrent.futures import ThreadPoolExecutor

                pool = ThreadPoolExecutor(max_workers=1)
                self._begun[name] = pool.submit(work)
                pool.shutdown(wait=False)

    def do(self, name: str, work: Callable[[], str]) -> str:
        """Do some work, or wait for it where it was begun. Return its result the first time, then "".

        Raises what the work raised.
        """
        self.begin(name, work)
        result = self._begun[name].result()
        with self._lock:
            first = name not in self._told
            self._told.add(name)
        return result if first else ""

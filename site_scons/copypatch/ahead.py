"""Work that is begun as soon as it is known to be needed, ahead of the step that waits for it.

Between the decision that something is stale and the first step, an executor has its graph to declare, which keeps
one core busy; the others can start on what everything else waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Ahead:
    """Work in the background, by name; its result, or what it raised, is for whoever asks first."""

    def __init__(self) -> None:
        self._begun: dict[str, Future[str]] = {}

    def begin(self, name: str, work: Callable[[], str]) -> None:
        """Begin some work; it ends before the process does."""
        pool = ThreadPoolExecutor(max_workers=1)
        self._begun[name] = pool.submit(work)
        pool.shutdown(wait=False)

    def result(self, name: str) -> str | None:
        """Wait for work and return its result; None where none was begun, or it was asked for before.

        Raises what the work raised.
        """
        future = self._begun.pop(name, None)
        return None if future is None else future.result()

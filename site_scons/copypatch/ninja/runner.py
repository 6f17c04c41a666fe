"""A runner to which some commands are no news."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from copypatch.ninja.begun import Begun
from copypatch.process import Result, Runner


class BegunRunner(Runner):
    """Runs commands, or returns the results of those that were begun already."""

    def __init__(self, begun: Begun) -> None:
        super().__init__(2)
        self._begun = begun

    def run(self, command: Sequence[str], *, cwd: Path | None = None) -> Result:
        """Return the result of what was begun, else run the command."""
        found = self._begun.result(command, str(cwd))
        if found is None:
            return super().run(command, cwd=cwd)
        return Result(found[0], found[1], found[2].decode("utf-8", "replace"))

"""What the modules of a generator keep from one uop to the next: in variables, in classes, and in functions.

A fork's may be a cache, or make the text of one uop depend on another's; only the latter does harm.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType


class Kept:
    """The state of all modules in a folder; *ours* are the variables that the worker itself sets there."""

    def __init__(self, folder: Path, ours: frozenset[str]) -> None:
        self._inside = f"{folder}/"
        self._ours = ours
        self._seen = self._look()

    def changed(self) -> list[str]:
        """Return the names of what has changed since the last call."""
        before, self._seen = self._seen, self._look()
        return sorted(
            f"{module}.{name}"
            # A module that was not there before was only imported.
            for module in before.keys() & self._seen.keys()
            for name, state in self._seen[module].items()
            if before[module].get(name) != state and f"{module}.{name}" not in self._ours
        )

    def _look(self) -> dict[str, dict[str, str]]:
        return {
            name: dict(_states(vars(module), name))
            for name, module in list(sys.modules.items())
            # A path's own methods would take longer than all the rest: this is looked at for every few uops.
            if str(getattr(module, "__file__", None)).startswith(self._inside)
        }


def _states(space: Mapping[str, object], module: str) -> Iterator[tuple[str, str]]:
    for name, value in list(space.items()):
        if isinstance(value, type):
            # Others are looked at where they are made.
            if value.__module__ == module:
                yield from (
                    (f"{name}.{inner}", _state(found))
                    for inner, found in list(vars(value).items())
                    if not inner.startswith("__") and not isinstance(found, type)
                )
        elif not name.startswith("__") and not isinstance(value, ModuleType):
            yield name, _state(value)


def _state(value: object) -> str:
    """Return what tells one state of a value from another, as far as it can be seen."""
    if isinstance(value, FunctionType):
        return repr((vars(value), value.__defaults__, value.__kwdefaults__))
    try:
        return f"{value!r} {getattr(value, '__dict__', '')!r}"
    except Exception:  # whatever a fork's __repr__ raises: one that cannot be shown cannot be compared
        return ""

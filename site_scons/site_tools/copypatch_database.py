"""Where SCons keeps what it knows of nodes.

With graph=auto it need not know anything: the manifest has decided what is stale, and the steps end the work of a
uop where nothing changed. Reading and writing the knowledge of thousands of nodes would be most of a small build.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import SCons.SConsign


class _Memory(dict[str, bytes]):
    """A database that is gone with the process."""

    def sync(self) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Close nothing."""


class _Forgetful:
    """What SCons takes for a module of databases, such as dbm."""

    @staticmethod
    def open(_name: str, _mode: str, *_rest: Any) -> _Memory:
        """Return an empty database."""
        return _Memory()


def use_database(folder: Path, *, remember: bool) -> None:
    """Let SCons keep its knowledge in a file of *folder*, or forget it with the process."""
    name = str(folder / "sconsign")
    if remember:
        SCons.SConsign.File(name)
    else:
        SCons.SConsign.File(name, _Forgetful)

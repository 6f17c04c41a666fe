"""One build at a time in an output folder."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import IO

from copypatch.files import make_folder


def acquire(path: Path, waiting: Callable[[], None]) -> IO[str] | None:
    """Lock *path* for as long as the returned file is open, at the latest until this process ends.

    *waiting* is called when another build holds it. On a file system without locks nothing is locked, and None
    is returned: builds there must not overlap. Raises OutputError when the folder cannot be made.
    """
    make_folder(path.parent)
    try:
        file = path.open("a")
    except OSError:
        return None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        with contextlib.suppress(OSError):
            file.close()
        return None
    return file

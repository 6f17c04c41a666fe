"""One build at a time in an output folder.

A compiler that outlives a killed build would write into the next one's files, so the processes that a
:class:`copypatch.process.Runner` starts hold the lock too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from copypatch.files import make_folder


def acquire(path: Path, waiting: Callable[[], None]) -> IO[str] | None:
    """Lock *path* for as long as the returned file is open, here or in a process started meanwhile.

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
        os.set_inheritable(file.fileno(), True)
    except OSError:
        with contextlib.suppress(OSError):
            file.close()
        return None
    return file

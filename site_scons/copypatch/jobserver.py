"""Taking part in GNU make's jobserver, by which all programs of a build share what ``make -jN`` allows.

The protocol is the one that GNU make's manual states for programs that it starts: a recipe may run one program
at a time as it is, and takes a byte out of a pipe, the same for all of the build, for each further one, which it
puts back in the end.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import stat
import threading
from collections.abc import Mapping

_AUTH = re.compile(r"(?:^|\s)--jobserver-(?:auth|fds)=(\S+)")


def flags(environ: Mapping[str, str]) -> str:
    """Return what make tells of its options, without the variables that were given to it."""
    return environ.get("MAKEFLAGS", "").partition(" -- ")[0]


class Jobserver:
    """Slots for programs, each a context to run one in: the recipe's own, and those that make hands out.

    Any number of threads may ask; who asks waits until a slot is free.
    """

    def __init__(self, reading: int, writing: int) -> None:
        """Take over two descriptors of make's pipe; *reading* is one that does not block."""
        self._reading, self._writing = reading, writing
        # The recipe's own slot is a byte in a pipe of ours, so that one can wait for both kinds at once. To wait
        # for make's alone would be for ever, where what it is held by waits for us.
        self._own_reading, self._own_writing = os.pipe()
        os.set_blocking(self._own_reading, False)
        os.write(self._own_writing, b".")
        self._lock = threading.Lock()
        self._held: list[bytes] = []

    def __enter__(self) -> None:
        """Wait for a slot. Another process may be quicker to take the byte that was there."""
        while True:
            ready, _, _ = select.select([self._own_reading, self._reading], [], [])
            for pipe in sorted(ready, key=lambda pipe: pipe != self._own_reading):
                try:
                    token = os.read(pipe, 1)
                except BlockingIOError:
                    continue
                if pipe == self._reading and token:
                    with self._lock:
                        self._held.append(token)
                if token:
                    return

    def __exit__(self, *_: object) -> None:
        """Give a slot back: make's first, since others may wait for those."""
        with self._lock:
            token = self._held.pop() if self._held else None
        if token is None:
            os.write(self._own_writing, b".")
        else:
            os.write(self._writing, token)


def join(environ: Mapping[str, str]) -> Jobserver | None:
    """Return the jobserver of the make that runs this process; None where there is none, or it keeps it from us."""
    said = _AUTH.findall(flags(environ))
    if not said:
        return None
    try:
        reading, writing = _named(said[-1][5:]) if said[-1].startswith("fifo:") else _inherited(said[-1])
    except (OSError, ValueError):
        return None
    return Jobserver(reading, writing)


def _named(path: str) -> tuple[int, int]:
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return reading, os.open(path, os.O_WRONLY | os.O_NONBLOCK)


def _inherited(pair: str) -> tuple[int, int]:
    """Return make's own two descriptors. Raises ValueError, OSError where it closed them, as for most recipes."""
    reading, writing = map(int, pair.split(","))
    for pipe, mode in ((reading, os.O_RDONLY), (writing, os.O_WRONLY)):
        # What was opened under that number since is something else.
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode) or fcntl.fcntl(pipe, fcntl.F_GETFL) & os.O_ACCMODE != mode:
            raise ValueError(pair)
    # That it does not block is a property of a description that all of make's programs share, so another is opened.
    return os.open(f"/proc/self/fd/{reading}", os.O_RDONLY | os.O_NONBLOCK), writing

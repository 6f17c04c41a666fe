"""A process that has imported everything by the time the stencils step is to begin.

Most of that step would be Python's start and imports. So the split forks before it does anything else: the child
imports what the stencils step needs, and when the split has found a few uops to be compiled it begins what needs no
object. The step then hands over what it was started with: its output, and the lock of the folder, which is so held
until the work is done, whoever is killed. Whatever goes wrong, the step does its work itself.
"""

from __future__ import annotations

import os

from copypatch.ninja import owner, places

# As typing has it, which takes longer to import than all else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    # Waits until the spare is wanted; False: it never will be.
    Wanted = Callable[[], bool]
    # What is done when the spare is asked; it returns the exit status.
    Task = Callable[[], int]

# How often the spare looks whether its ninja is still there, in seconds.
_PATIENCE = 0.5


def ask(name: str, lock: int) -> int | None:
    """Let the spare do the stencils step of a plan; *lock* is a descriptor that it is to keep open.

    Returns the exit status, or None where nothing was done to the end.
    """
    address = _address(name)
    if not os.path.exists(address):
        return None
    import socket

    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            socket.send_fds(connection, [b"begin"], [1, 2, lock])
            status = connection.recv(1)
    except OSError:
        return None
    return status[0] if status else None


def start(name: str, prepare: Callable[[Wanted], Task | None]) -> Callable[[], None]:
    """Fork a spare for this ninja and plan, in which *prepare* is called; return what tells that it is wanted.

    A spare that is not wanted ends with this process.
    """
    ninja, address = os.getppid(), _address(name)
    born = owner.birth(ninja)
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        return lambda: None
    if child:
        os.close(reader)
        return lambda: _tell(writer)
    # From here on a failure is a spare less.
    status = 1
    try:
        # ninja waits until nobody can write into its pipes any more, and the next ninja for the lock.
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(0, 2)
        os.closerange(3, reader)
        os.closerange(reader + 1, os.sysconf("SC_OPEN_MAX"))
        status = _Spare(address, reader, lambda: owner.birth(ninja) == born).run(prepare)
    finally:
        os._exit(status)


def _tell(writer: int) -> None:
    try:
        os.write(writer, b"!")
    except OSError:
        return


class _Spare:
    """The child's side. *wanted* is a descriptor from which there is something to read when it is wanted."""

    def __init__(self, address: str, wanted: int, has_ninja: Callable[[], bool]) -> None:
        self._address = address
        self._wanted = wanted
        self._has_ninja = has_ninja
        self._listener: socket.socket | None = None

    def run(self, prepare: Callable[[Wanted], Task | None]) -> int:
        """Prepare, wait to be asked, and do the task."""
        try:
            task = prepare(self._is_wanted)
            connection = None if task is None or self._listener is None else self._accept(self._listener)
        finally:
            if self._listener is not None:
                os.unlink(self._address)
        if connection is None or task is None:
            return 0
        import socket

        _, descriptors, _, _ = socket.recv_fds(connection, 16, 3)
        # Standard output and error; the lock stays open as it is.
        for own, theirs in zip((1, 2), descriptors, strict=False):
            os.dup2(theirs, own)
        connection.send(bytes([task()]))
        return 0

    def _is_wanted(self) -> bool:
        """Wait until the split knows; from then on the step may ask."""
        if not os.read(self._wanted, 1):
            return False
        import socket

        if os.path.exists(self._address):
            os.unlink(self._address)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self._address)
        listener.listen(1)
        self._listener = listener
        return True

    def _accept(self, listener: socket.socket) -> socket.socket | None:
        listener.settimeout(_PATIENCE)
        while self._has_ninja():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            return connection
        return None


def _address(name: str) -> str:
    # Relative to the output folder, in which ninja runs its steps: an address has a hundred bytes. One a ninja.
    return f"{places.plan_folder(name)}/spare-{os.getppid()}"

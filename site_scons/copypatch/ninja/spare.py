"""A process that has imported everything by the time the stencils step is to begin.

Most of that step would be Python's start and imports. So the split forks before it does anything else: the child
imports what the stencils step needs. When the split knows of an edit, the child starts the tree's passes, and when
the split has written a few uops to be compiled, it begins what else needs no object. The step then hands over what
it was started with: its output, and the lock of the folder, which is so held until the work is done, whoever is
killed. Whatever goes wrong, the step does its work itself.
"""

from __future__ import annotations

import os

from copypatch.ninja import owner, places

# As typing has it, which takes longer to import than all else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    # Waits for the next word of the split; False: there is none.
    Told = Callable[[], bool]
    # What is done when the spare is asked; it returns the exit status.
    Task = Callable[[], int]

_EDITED, _WANTED = b"?", b"!"
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


class Teller:
    """The split's side: it tells the spare first that there is an edit, and then that the spare is wanted."""

    def __init__(self, writer: int | None = None) -> None:
        self._writer = writer
        self._has_told = False

    def _tell(self, word: bytes) -> None:
        if self._writer is not None:
            # A spare that is gone is a spare less.
            try:
                os.write(self._writer, word)
            except OSError:
                return

    def edited(self) -> None:
        """Tell that a uop was edited, whatever comes of it."""
        self._has_told = True
        self._tell(_EDITED)

    def wanted(self) -> None:
        """Tell that a few uops will be compiled, and that their sources are written."""
        if not self._has_told:
            self.edited()
        self._tell(_WANTED)


def start(name: str, prepare: Callable[[Told], Task | None]) -> Teller:
    """Fork a spare for this ninja and plan, in which *prepare* is called.

    A spare that is not wanted ends with this process.
    """
    ninja, address = os.getppid(), _address(name)
    born = owner.birth(ninja)
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        return Teller()
    if child:
        os.close(reader)
        return Teller(writer)
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


class _Spare:
    """The child's side. *words* is a descriptor from which it reads what the split tells."""

    def __init__(self, address: str, words: int, has_ninja: Callable[[], bool]) -> None:
        self._address = address
        self._words = words
        self._has_ninja = has_ninja
        self._listener: socket.socket | None = None

    def run(self, prepare: Callable[[Told], Task | None]) -> int:
        """Prepare, wait to be asked, and do the task."""
        try:
            task = prepare(self._is_told)
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

    def _is_told(self) -> bool:
        """Wait for a word. Once the spare is wanted, the step may ask."""
        word = os.read(self._words, 1)
        if word != _WANTED:
            return bool(word)
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

"""A process that has imported everything by the time the stencils step is to begin.

Most of that step would be Python's start and imports, and before it the machine waits for clang. So the split,
when it has found a few uops to be compiled, forks: the child imports what the stencils step needs while clang is at
work. The step then hands over what it was started with: its output, and the lock of the folder, which is so held
until the work is done, whoever is killed. Whatever goes wrong, the step does its work itself.
"""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable

from copypatch.ninja import owner, places

# How often the spare looks whether its ninja is still there.
_PATIENCE = 0.5


def ask(name: str, lock: int) -> int | None:
    """Let the spare do the stencils step of a plan; *lock* is a descriptor that it is to keep open.

    Returns the exit status, or None where nothing was done to the end.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(_address(name))
            socket.send_fds(connection, [b"begin"], [1, 2, lock])
            status = connection.recv(1)
    except OSError:
        return None
    return status[0] if status else None


def start(name: str, module: str, work: Callable[[], int]) -> None:
    """Fork a spare for this ninja and plan: it imports *module*, and when it is asked, calls *work*."""
    ninja = os.getppid()
    address, born = _address(name), owner.birth(ninja)
    try:
        if os.fork():
            return
    except OSError:
        return
    # From here on a failure is a spare less.
    status = 1
    try:
        # ninja waits until nobody can write into its pipes any more, and the next ninja for the lock.
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(0, 2)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        status = _serve(address, lambda: owner.birth(ninja) == born, module, work)
    finally:
        os._exit(status)


def _serve(address: str, is_wanted: Callable[[], bool], module: str, work: Callable[[], int]) -> int:
    if os.path.exists(address):
        os.unlink(address)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        try:
            listener.listen(1)
            importlib.import_module(module)
            connection = _accept(listener, is_wanted)
        finally:
            os.unlink(address)
    if connection is None:
        return 0
    _, descriptors, _, _ = socket.recv_fds(connection, 16, 3)
    # Standard output and error; the lock stays open as it is.
    for own, theirs in zip((1, 2), descriptors, strict=False):
        os.dup2(theirs, own)
    connection.send(bytes([work()]))
    return 0


def _accept(listener: socket.socket, is_wanted: Callable[[], bool]) -> socket.socket | None:
    listener.settimeout(_PATIENCE)
    while is_wanted():
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

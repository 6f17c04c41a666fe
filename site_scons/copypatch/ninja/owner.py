"""Whose turn it is in an output folder: one ninja at a time, and no scons beside it.

ninja itself locks nothing, and between two of its steps clang reads what another ninja's steps would write. So the
first step of a ninja run claims the folder for the ninja that started it, for as long as that process lives.
"""

from __future__ import annotations

import fcntl
import os
import time

from copypatch.errors import NinjaError
from copypatch.ninja import places

# As typing has it, which takes longer to import than all else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

_OWNER = "uops/owner"
# Every step holds this lock, together with the others of its ninja.
_STEPS = "uops/steps.lock"
_PAUSE = 0.02


def birth(pid: int) -> str:
    """Return something that tells a process from any other that has or had its number; "" where none lives."""
    stat = places.read(f"/proc/{pid}/stat")
    if stat is not None:
        # The name, in parentheses, may hold anything.
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    if os.path.isdir("/proc/self"):
        return ""
    import subprocess

    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def is_taken(out: str) -> bool:
    """Tell whether a ninja that is alive has the folder, and did not start this process."""
    pid, _, born = (places.read(f"{out}/{_OWNER}") or "").partition(" ")
    return pid.isdigit() and int(pid) != os.getppid() and birth(int(pid)) == born != ""


def is_ours(out: str) -> bool:
    """Tell whether the ninja that started this process has the folder: then this is one of its steps."""
    me = os.getppid()
    return places.read(f"{out}/{_OWNER}") == f"{me} {birth(me)}"


def claim(out: str, waiting: Callable[[], None]) -> IO[bytes] | None:
    """Claim the folder for the ninja that started this process; wait for another one, or for scons, to end.

    What is returned is to be kept: while it is open, nobody else gets the folder, even if ninja is killed. None
    where there are no locks. *waiting* is called once if it takes long. Raises NinjaError when that ninja is gone.
    """
    me = os.getppid()
    mine = f"{me} {birth(me)}"
    while True:
        # scons holds this lock for as long as it runs.
        with open(f"{out}/uops/lock", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:
                # A file system without locks: builds there must not overlap.
                return None
            if _is_orphan(me):
                raise NinjaError(f"{out}: the ninja that started this is gone")
            if not is_taken(out):
                if places.read(f"{out}/{_OWNER}") != mine:
                    wait_for_steps(out)
                    places.write(f"{out}/{_OWNER}", mine)
                steps = open(f"{out}/{_STEPS}", "ab")  # noqa: SIM115
                fcntl.flock(steps, fcntl.LOCK_SH)
                return steps
        waiting()
        time.sleep(_PAUSE)


def wait_for_steps(out: str) -> None:
    """Wait until the steps of a ninja that is gone have come to their end: it takes none of them along."""
    with open(f"{out}/{_STEPS}", "ab") as steps:
        try:
            fcntl.flock(steps, fcntl.LOCK_EX)
        except OSError:
            # A file system without locks: builds there must not overlap.
            return


def _is_orphan(parent: int) -> bool:
    """Tell whether the parent is the process that takes in orphans: unlike ninja, it works in another folder."""
    try:
        return os.readlink(f"/proc/{parent}/cwd") != os.getcwd()
    except OSError:
        return parent == 1

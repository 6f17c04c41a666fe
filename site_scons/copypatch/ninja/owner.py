"""Whose turn it is in an output folder: one ninja at a time, and no scons beside it.

ninja itself locks nothing, and between two of its steps clang reads what another ninja's steps would write. So the
first step of a ninja run claims the folder for the ninja that started it, for as long as that process lives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from copypatch.ninja import places

_OWNER = "uops/owner"
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


def claim(out: str, waiting: Callable[[], None]) -> None:
    """Claim the folder for the ninja that started this process; wait for another one, or for scons, to end.

    *waiting* is called once if it takes long.
    """
    import fcntl

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
                return
            if not is_taken(out):
                if places.read(f"{out}/{_OWNER}") != mine:
                    places.write(f"{out}/{_OWNER}", mine)
                return
        waiting()
        time.sleep(_PAUSE)

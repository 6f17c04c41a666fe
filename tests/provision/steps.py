"""What every way of bringing something shares: a folder that is made once, and commands run quietly."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

STAMP = ".provisioned"

_printing = threading.Lock()  # steps run side by side; a line stays a line


class Unavailable(Exception):
    """This can't be had on this kind of machine; the message says why."""


class Failed(Exception):
    """This should have worked and has not; the message says what went wrong, and the way out."""


def say(message: str) -> None:
    with _printing:
        print(f"copypatch: {message}", flush=True)


def stamped(folder: Path, recipe: str) -> bool:
    """Whether `folder` is complete, and was made by `recipe`."""
    try:
        return (folder / STAMP).read_text(encoding="utf-8") == recipe
    except OSError:
        return False


def make_once(folder: Path, recipe: str, what: str, make: Callable[[Path], None]) -> Path:
    """Returns `folder`, made by `make(folder)` unless it is there.

    `recipe` is all that the content depends on. It is the stamp's text, and the stamp is written last: a
    folder without its stamp (a run was killed) is handed to nobody, and is made again. It is made where it
    stays, not renamed to there, as a configured build folder knows its own path. Callers hold `locked`.
    """
    if stamped(folder, recipe):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    start = time.monotonic()
    say(f"bringing {what} ...")
    folder.mkdir(parents=True)
    make(folder)
    temporary = folder / f"{STAMP}.tmp"
    temporary.write_text(recipe, encoding="utf-8")
    temporary.replace(folder / STAMP)
    say(f"brought {what} in {time.monotonic() - start:.0f} s")
    return folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lets one process at a time bring things into `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another run that brings the same things ...")
                fcntl.flock(file, fcntl.LOCK_EX)
            # What `run` starts holds the lock too: if this process is killed, the lock lasts until that ends.
            os.set_inheritable(file.fileno(), True)
            yield
    except PermissionError as error:
        raise Failed(f"{error.filename}: no permission; was it made by another user, such as root?") from None


def run(command: Sequence[str | Path], what: str, *, cwd: Path) -> None:
    """Runs `command`. Raises Failed with the end of its output if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        close_fds=False,  # see locked
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join("  | " + line for line in done.stdout.splitlines()[-12:])
        raise Failed(f"{what} failed (exit status {done.returncode}):\n{tail}")

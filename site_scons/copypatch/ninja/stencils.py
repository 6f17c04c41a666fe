"""The stencils step: from the changed objects to the header, in one process.

What other programs have to do is begun first: they run while Python imports what comes after.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence

from copypatch.ninja import places


class Begun:
    """Commands that run in the background; results by command and folder."""

    def __init__(self) -> None:
        self._threads: dict[tuple[str, ...], threading.Thread] = {}
        self._results: dict[tuple[str, ...], tuple[int, bytes, bytes]] = {}

    def begin(self, command: Sequence[str], folder: str) -> None:
        """Start a command."""
        key = (folder, *command)
        thread = threading.Thread(target=self._run, args=(key, command, folder))
        self._threads[key] = thread
        thread.start()

    def _run(self, key: tuple[str, ...], command: Sequence[str], folder: str) -> None:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        except OSError:
            # Whoever asks for the result runs it again, and says what is wrong.
            return
        self._results[key] = (done.returncode, done.stdout, done.stderr)

    def result(self, command: Sequence[str], folder: str) -> tuple[int, bytes, bytes] | None:
        """Wait for a command and return its status and output; None where it was not begun."""
        key = (folder, *command)
        thread = self._threads.pop(key, None)
        if thread is None:
            return None
        thread.join()
        return self._results.get(key)


def run(out: str, name: str) -> None:
    """Make the header of a plan. Raises CopypatchError, OSError."""
    settings = places.settings(out, name)
    folder = f"{out}/{places.plan_folder(name)}"
    states = {opname: state(f"{folder}/obj/{opname}.o") for opname in settings["compiled"]}
    before = places.load(f"{out}/{places.stencils_file(name)}")
    incomplete = set(_incomplete(folder, settings["compiled"]))
    changed = [opname for opname, found in states.items() if found != before.get(opname) or opname in incomplete]
    begun = Begun()
    if changed:
        for command in settings["describe"]:
            begun.begin([*command, *(f"{opname}.o" for opname in changed)], f"{folder}/obj")
    if places.load(f"{out}/{places.texts_file(name)}").get("pending"):
        begun.begin([*settings["expand"], f"{out}/{places.edited_source(name)}"], folder)
    from copypatch.ninja.finish import finish

    finish(out, name, changed, states, begun)


def state(path: str) -> str:
    """Return what tells whether a file was written again; the same as :func:`copypatch.files.file_state`."""
    try:
        found = os.stat(path)
    except OSError:
        return "absent"
    return f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}"


def _incomplete(folder: str, opnames: Sequence[str]) -> Iterator[str]:
    """Yield the uops of which something is missing that is made from the object."""
    for kind, suffix in (("json", ".json"), ("dis", ".dis"), ("holes", ".holes.json"), ("fragments", ".h")):
        try:
            there = set(os.listdir(f"{folder}/{kind}"))
        except OSError:
            there = set()
        yield from (opname for opname in opnames if f"{opname}{suffix}" not in there)

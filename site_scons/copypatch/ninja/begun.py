"""Commands that were begun before their step: they run while Python imports what comes after."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence


class Begun:
    """Commands that run in the background; results by command and folder.

    *worker* is that of the tree's passes, with the line of settings that it was told, where one was started.
    """

    def __init__(self) -> None:
        self._threads: dict[tuple[str, ...], threading.Thread] = {}
        self._results: dict[tuple[str, ...], tuple[int, bytes, bytes]] = {}
        self.worker: tuple[str, subprocess.Popen[str]] | None = None

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

    def forget(self) -> None:
        """Wait for all commands, and drop their results."""
        for thread in self._threads.values():
            thread.join()
        self._threads.clear()

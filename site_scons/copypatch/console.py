"""What the user sees: one progress line on a terminal, plain lines in a log, messages always whole."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import TextIO

# Back to the first column, and clear the line.
_CLEAR = "\r\033[K"


@dataclass
class Console:
    """Writes progress to *out* and messages to *err*; threads share it. *live* says that *out* is a terminal."""

    out: TextIO
    err: TextIO
    live: bool
    _pending: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def for_streams(cls) -> Console:
        """Return a console on this process's output."""
        return cls(sys.stdout, sys.stderr, sys.stdout.isatty())

    def doing(self, what: str, count: int | None = None) -> None:
        """Say what is being done now, and with how many uops."""
        uops = "" if count is None else f" {count} uop{'' if count == 1 else 's'}"
        with self._lock:
            self.out.write(f"{_CLEAR if self.live else ''}{what}{uops}{'' if self.live else chr(10)}")
            self.out.flush()
            self._pending = self.live

    def line(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._clear()
            self.out.write(f"{text}\n")
            self.out.flush()

    def show(self, text: str) -> None:
        """Print what a program has said, whole and as it is; nothing where it is empty."""
        if text.strip():
            with self._lock:
                self._clear()
                self.err.write(f"{text.rstrip()}\n")
                self.err.flush()

    def warn(self, message: str) -> None:
        """Print a warning of ours."""
        self.show(f"copypatch: warning: {message}")

    def error(self, message: str) -> None:
        """Print an error of ours."""
        self.show(f"copypatch: error: {message}")

    def _clear(self) -> None:
        if self._pending:
            self.out.write(_CLEAR)
            self.out.flush()
            self._pending = False

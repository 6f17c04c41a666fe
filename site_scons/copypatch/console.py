"""What the user sees: one progress line on a terminal, plain lines in a log, messages always whole."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from typing import TextIO

# Back to the first column, and clear the line.
_CLEAR = "\r\033[K"
# What a terminal shows beside the words, never instead of them.
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def paint(text: str, style: str, *, colours: bool) -> str:
    """Return the text as a terminal shows it in a style (bold, dim, or a colour); as it is without *colours*."""
    return f"\033[{_STYLES[style]}m{text}\033[0m" if colours and text else text


@dataclass
class Console:
    """Writes progress to *out* and messages to *err*; threads share it.

    *live* says that *out* is a terminal, *colours* that it may show them.
    """

    out: TextIO
    err: TextIO
    live: bool
    colours: bool = False
    _pending: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def for_streams(cls) -> Console:
        """Return a console on this process's output."""
        live = sys.stdout.isatty()
        # https://no-color.org: set, and not empty.
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(sys.stdout, sys.stderr, live, live and not plain)

    def leave_stdout(self) -> TextIO:
        """Say everything on the other stream from now on; return the one that is left to a result."""
        out, self.out = self.out, self.err
        self.live = self.err.isatty()
        self.colours = self.colours and self.live
        return out

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style, where there are colours."""
        return paint(text, style, colours=self.colours)

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

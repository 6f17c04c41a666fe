"""What the user sees: one progress line on a terminal, plain lines in a log, messages always whole."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

# Back to the first column, and clear the line.
_CLEAR = "\r\033[K"
# How often a bar is drawn, in seconds, and how wide.
_REDRAW = 0.1
_BAR = 24
# What a terminal shows beside the words, never instead of them.
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def paint(text: str, style: str, *, colours: bool) -> str:
    """Return the text as a terminal shows it in a style (bold, dim, or a colour); as it is without *colours*."""
    return f"\033[{_STYLES[style]}m{text}\033[0m" if colours and text else text


def printable(text: str, stream: TextIO) -> str:
    """Return the text as a stream can take it: what it has no character for, or was none, stands as its code."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


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

    @contextmanager
    def progress(self, what: str, total: int, look: Callable[[], tuple[int, Sequence[str]]]) -> Iterator[None]:
        """Show how far the block is: *look* says how many of *total* uops are done, and which are in work.

        A terminal gets a bar, a log the one line that it gets of any step.
        """
        self.doing(what, total)
        if not self.live:
            yield
            return
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(what, total, look, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _watch(
        self, what: str, total: int, look: Callable[[], tuple[int, Sequence[str]]], ended: threading.Event
    ) -> None:
        pause = _REDRAW
        while not ended.wait(pause):
            start = time.monotonic()
            done, now = look()
            # Looking may not cost what it is to make bearable.
            pause = max(_REDRAW, 50 * (time.monotonic() - start))
            columns = shutil.get_terminal_size().columns
            with self._lock:
                self.out.write(_CLEAR + self._bar(what, done, total, now, columns - 1))
                self.out.flush()
                self._pending = True

    def _bar(self, what: str, done: int, total: int, now: Sequence[str], columns: int) -> str:
        head, count = f"{what} ", f" {done}/{total}  "
        width = _BAR if len(head) + _BAR + len(count) + 2 * _BAR <= columns else _BAR // 3
        filled = width * min(done, total) // max(total, 1)
        names = ", ".join(now)[: max(0, columns - len(head) - width - 2 - len(count))]
        bar = self.paint("#" * filled, "cyan") + self.paint("." * (width - filled), "dim")
        return f"{head}[{bar}]{count}{names}"

    def line(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._clear()
            self.out.write(f"{printable(text, self.out)}\n")
            self.out.flush()

    def show(self, text: str) -> None:
        """Print what a program has said, whole and as it is; nothing where it is empty."""
        if text.strip():
            with self._lock:
                self._clear()
                self.err.write(f"{text.rstrip()}\n")
                self.err.flush()

    def note(self, message: str) -> None:
        """Print what the user may not expect, where no result is printed."""
        self.show(f"copypatch: {message}")

    def warn(self, message: str) -> None:
        """Print a warning of ours."""
        self.show(f"copypatch: {self._mark('warning:', 'yellow')} {message}")

    def error(self, message: str) -> None:
        """Print an error of ours."""
        self.show(f"copypatch: {self._mark('error:', 'red')} {message}")

    def _mark(self, word: str, style: str) -> str:
        # Messages can be sent elsewhere than the rest.
        return paint(word, style, colours=self.colours and self.err.isatty())

    def _clear(self) -> None:
        if self._pending:
            self.out.write(_CLEAR)
            self.out.flush()
            self._pending = False

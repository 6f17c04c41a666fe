"""The cache that all builds of a user share: bytes by key, on diskcache.

It can only help. What it gives back is checked against a digest that is stored with it, nothing of it is ever
unpickled, and whatever goes wrong (a full disk, a file system without locks, a broken database) is one warning
and a miss. The seam is :class:`Store`, so that a second tier can stand behind it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from copypatch.errors import OptionError
from copypatch.keys import SCHEMA

DEFAULT_LIMIT = 2 << 30
# Seconds to wait for another process's write before the cache is given up for this build.
_PATIENCE = 10.0
# Less for its first statement, which waits for nothing but a database that is broken or just being made.
_PATIENCE_TO_OPEN = 2.0


class Store(Protocol):
    """Bytes by key. A store may forget anything at any time; it never gives back what was not put in."""

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those keys that are there."""

    def put(self, values: Mapping[str, bytes]) -> None:
        """Store values."""


class NoStore:
    """The store of cache=off: empty for ever."""

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return nothing."""
        del keys
        return {}

    def put(self, values: Mapping[str, bytes]) -> None:
        """Forget everything."""
        del values


_MAGIC = b"copypatch\n"


def seal(value: bytes) -> bytes:
    """Return *value* with a digest in front by which :func:`unseal` knows it."""
    return _MAGIC + hashlib.sha256(value).digest() + value


def unseal(sealed: object) -> bytes | None:
    """Return the value that was sealed, or None for anything else."""
    if not isinstance(sealed, bytes) or not sealed.startswith(_MAGIC):
        return None
    start = len(_MAGIC) + hashlib.sha256().digest_size
    value = sealed[start:]
    return value if hashlib.sha256(value).digest() == sealed[len(_MAGIC) : start] else None


def default_folder() -> Path:
    """Return the user's cache folder for us (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "copypatch"


class DiskStore:
    """A store in a folder of its owner's. The first problem is told to *warn*, and closes it for this process."""

    def __init__(self, folder: Path, limit: int, warn: Callable[[str], None]) -> None:
        # Another schema's values would never be asked for: they are in a folder of their own, which can go.
        self.folder = folder / f"v{SCHEMA}"
        self.limit = limit
        self._warn = warn
        self._cache: Any = None
        self._broken = False
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those keys that are there and sound."""
        found = {}
        with self._guard() as cache:
            if cache is not None:
                for key in keys:
                    value = unseal(cache.get(key))
                    if value is not None:
                        found[key] = value
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        """Store values, in one transaction."""
        with self._guard() as cache:
            if cache is not None and values:
                with cache.transact(retry=False):
                    for key, value in values.items():
                        cache.set(key, seal(value))

    def stats(self) -> tuple[int, int] | None:
        """Return the number of values and their size on disk in bytes; None where the cache cannot be used."""
        with self._guard() as cache:
            if cache is not None:
                return len(cache), int(cache.volume())
        return None

    def prune(self) -> int | None:
        """Drop what was used least recently until the limit holds; return how many values went."""
        with self._guard() as cache:
            if cache is not None:
                return int(cache.cull())
        return None

    @contextlib.contextmanager
    def _guard(self) -> Iterator[Any]:
        """Give out the cache, or None; keep every problem of it from the build."""
        # Whatever sqlite, diskcache or the file system may raise: a cache is no reason for a build to fail.
        cache = None
        try:
            cache = self._open()
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")
        try:
            yield cache
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")

    def _open(self) -> Any:
        with self._lock:
            if self._cache is None and not self._broken:
                self._prepare_folder()
                # Two processes that make the database at the same time would trip over each other.
                with (self.folder / "create.lock").open("a") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    self._cache = _open_database(self.folder, self.limit)
            return self._cache

    def _prepare_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = self.folder.stat()
        if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError("others can write this folder, so what is in it cannot be trusted")

    def _give_up(self, reason: str) -> None:
        with self._lock:
            first, self._broken, self._cache = not self._broken, True, None
        if first:
            self._warn(f"cache={self.folder.parent}: not used in this build ({reason}); cache=off silences this")


def _open_database(folder: Path, limit: int) -> Any:
    # Late: the import takes 20 ms, which a build with nothing to do can spare.
    import sqlite3

    import diskcache

    class RawDisk(diskcache.Disk):  # type: ignore[misc]
        """Reads and writes bytes as they are. diskcache would unpickle a value that says it is a pickle."""

        def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> object:
            if mode not in (diskcache.core.MODE_RAW, diskcache.core.MODE_BINARY):
                return None
            return super().fetch(mode, filename, value, read)

        def get(self, key: object, raw: int) -> object:
            return key if raw else None

    # Where another process or the file system refuses a lock, diskcache itself would go on trying for a minute.
    with contextlib.closing(sqlite3.connect(folder / "cache.db", timeout=_PATIENCE_TO_OPEN)) as probe:
        probe.execute("PRAGMA journal_mode = wal")
    return diskcache.Cache(
        str(folder),
        disk=RawDisk,
        timeout=_PATIENCE,
        size_limit=limit,
        eviction_policy="least-recently-used",
        statistics=0,
    )


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str) -> int:
    """Return the bytes of a size such as 500M or 2G. Raises OptionError."""
    number, unit = text.strip().rstrip("iBb"), ""
    if number[-1:].upper() in _UNITS and not number[-1:].isdigit():
        number, unit = number[:-1], number[-1:].upper()
    if not (number.isascii() and number.isdigit()) or int(number) == 0:
        raise OptionError(f"cache_limit={text}: say a size, such as 500M or 2G")
    return int(number) * _UNITS[unit]


def show_size(size: int) -> str:
    """Return a size for people."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{size} B"

"""The cache in trouble, and in company: never a failed build, one warning at most."""

from __future__ import annotations

import errno
import fcntl
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cache.values import LIMIT, SMALL, Warnings, key

from copypatch import cache
from copypatch.cache import DiskStore
from support.trees import ROOT


class _Failing:
    """A cache whose every operation fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> object:
        raise self.error

    def __len__(self) -> int:
        raise self.error


ERRORS = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.ESTALE, "Stale file handle"),
    OSError(errno.ENOLCK, "No locks available"),
    sqlite3.OperationalError("database or disk is full"),
    sqlite3.OperationalError("database is locked"),
    sqlite3.OperationalError("locking protocol"),
    sqlite3.DatabaseError("database disk image is malformed"),
    TimeoutError(),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_any_failure_is_one_warning(
    store: DiskStore, warnings: Warnings, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_open_database", lambda folder, limit: _Failing(error))
    store.put({key(1): SMALL})
    assert store.get([key(1)]) == {}
    assert store.stats() is None
    assert store.prune() is None
    assert "cache=off" in warnings.one()
    assert str(store.folder.parent) in warnings.one()


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_failure_to_open_is_one_warning(
    store: DiskStore, warnings: Warnings, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folder: Path, _limit: int) -> object:
        raise error

    monkeypatch.setattr(cache, "_open_database", fail)
    assert store.get([key(1)]) == {}
    store.put({key(1): SMALL})
    assert store.stats() is None
    assert len(warnings) == 1


def test_locks_are_refused(store: DiskStore, warnings: Warnings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system without a lock server."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    store.put({key(1): SMALL})
    assert store.get([key(1)]) == {}
    assert "No locks available" in warnings.one()


def test_a_bug_is_no_failure_of_the_cache(store: DiskStore) -> None:
    """Ctrl-C ends a build, also while it reads the cache."""
    with pytest.raises(KeyboardInterrupt), store._guard():
        raise KeyboardInterrupt


_FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from copypatch.cache import DiskStore
warnings = []
store = DiskStore(Path(sys.argv[1]), 1 << 30, warnings.append)
store.put({"0" * 64: b"there"})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for number in range(1, 40):
    store.put({f"{number:064}": bytes([number]) * 30_000 * number for number in range(number, number + 3)})
print(len(warnings), set(store.get(["0" * 64]).values()) <= {b"there"})
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """Files cannot grow any more, in the middle of it."""
    folder = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, folder, ROOT / "site_scons"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("1 True\n", 0), done.stderr
    warnings = Warnings()
    store = DiskStore(folder, LIMIT, warnings.append)
    assert store.get(["0" * 64]) == {"0" * 64: b"there"}
    for number in range(1, 42):
        found = store.get([f"{number:064}"])
        assert not found or found == {f"{number:064}": bytes([number]) * 30_000 * number}
    assert not warnings


_MANY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from copypatch.cache import DiskStore
warnings = []
store = DiskStore(Path(sys.argv[1]), 1 << 30, warnings.append)
mine = {f"{int(sys.argv[3]):032}{number:032}": sys.argv[3].encode() * (1 + number * 700) for number in range(60)}
shared = {f"{number:064}": bytes([number]) * 3000 for number in range(60)}
for name, value in {**mine, **shared}.items():
    store.put({name: value})
wrong = {**mine, **shared} != store.get([*mine, *shared])
print(warnings, wrong)
"""


def test_sixteen_processes_at_once(tmp_path: Path, warnings: Warnings) -> None:
    """None of them waits in vain or trips over another, the first creation included."""
    folder = tmp_path / "cache"
    commands = [
        [sys.executable, "-c", _MANY, str(folder), str(ROOT / "site_scons"), str(number)] for number in range(1, 17)
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command in commands
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert said == ["[] False\n"] * 16
    store = DiskStore(folder, LIMIT, warnings.append)
    assert store.stats() is not None
    found = store.get([f"{number:032}{9:032}" for number in range(1, 17)])
    assert len(found) == 16


def test_threads(store: DiskStore, warnings: Warnings) -> None:
    """The connection is per thread; the first use by all of them opens it once."""

    def work(number: int) -> bool:
        values = {key(1000 * number + each): bytes([each]) * 500 for each in range(20)}
        store.put(values)
        return store.get(list(values)) == values

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(32)))
    assert not warnings

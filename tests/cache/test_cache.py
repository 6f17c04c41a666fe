"""The cache: what it gives back is what was put in, whatever is done to it."""

from __future__ import annotations

import os
import pickle
import sqlite3
from pathlib import Path

import pytest
from cache.values import LARGE, LIMIT, SMALL, Warnings, key
from hypothesis import given
from hypothesis import strategies as st

from copypatch import cache, keys
from copypatch.cache import DiskStore, NoStore, parse_size, seal, show_size, unseal
from copypatch.errors import OptionError


def again(store: DiskStore, warnings: Warnings, limit: int = LIMIT) -> DiskStore:
    """The same cache, opened by another build."""
    return DiskStore(store.folder.parent, limit, warnings.append)


def database(store: DiskStore) -> sqlite3.Connection:
    return sqlite3.connect(store.folder / "cache.db")


def test_nothing_there(store: DiskStore, warnings: Warnings) -> None:
    assert store.get([key(1)]) == {}
    found = store.stats()
    assert found is not None
    assert found[0] == 0
    assert not warnings


@pytest.mark.parametrize("value", [b"", SMALL, LARGE])
def test_round_trip(store: DiskStore, warnings: Warnings, value: bytes) -> None:
    store.put({key(1): value, key(2): SMALL})
    assert store.get([key(1), key(2), key(3)]) == {key(1): value, key(2): SMALL}
    assert again(store, warnings).get([key(1)]) == {key(1): value}
    store.put({key(1): SMALL})
    assert again(store, warnings).get([key(1)]) == {key(1): SMALL}
    assert not warnings


def test_no_store() -> None:
    store = NoStore()
    store.put({key(1): SMALL})
    assert store.get([key(1)]) == {}


@given(st.binary(max_size=300))
def test_seal(value: bytes) -> None:
    assert unseal(seal(value)) == value
    assert unseal(value) is None


@given(st.binary(max_size=60), st.data())
def test_damaged_seal(value: bytes, data: st.DataObject) -> None:
    sealed = seal(value)
    place = data.draw(st.integers(0, len(sealed) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    assert unseal(sealed[:place] + bytes([sealed[place] ^ bit]) + sealed[place + 1 :]) is None
    assert unseal(sealed[:place]) is None
    assert unseal(sealed + b"x") is None


@pytest.mark.parametrize("value", [None, 7, 1.5, "text", [b"list"], bytearray(seal(b"x"))])
def test_what_is_no_seal(value: object) -> None:
    assert unseal(value) is None


class _Malice:
    """Unpickled, it would make a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self.path, "w"))


@pytest.mark.parametrize("in_file", [False, True], ids=["in the database", "in a file"])
def test_a_pickle_is_never_loaded(store: DiskStore, warnings: Warnings, tmp_path: Path, in_file: bool) -> None:
    """diskcache's own way of storing objects would run code of whoever wrote them (CVE-2025-69872)."""
    store.put({key(1): SMALL, key(2): SMALL})
    victim = tmp_path / "run"
    malice = pickle.dumps(_Malice(str(victim)))
    with database(store) as connection:
        if in_file:
            (store.folder / "evil.val").write_bytes(malice)
            connection.execute("UPDATE Cache SET mode = 4, value = NULL, filename = 'evil.val'")
        else:
            connection.execute("UPDATE Cache SET mode = 4, value = ?, filename = NULL", (malice,))
    connection.close()
    other = again(store, warnings)
    assert other.get([key(1), key(2)]) == {}
    assert other.prune() is not None
    assert not victim.exists()
    # It is overwritten by what is right.
    other.put({key(1): SMALL})
    assert again(store, warnings).get([key(1)]) == {key(1): SMALL}


def test_a_pickled_key_is_never_loaded(store: DiskStore, warnings: Warnings, tmp_path: Path) -> None:
    store.put({key(1): SMALL})
    victim = tmp_path / "run"
    with database(store) as connection:
        connection.execute("UPDATE Cache SET key = ?, raw = 0", (pickle.dumps(_Malice(str(victim))),))
    connection.close()
    other = again(store, warnings)
    assert other.get([key(1)]) == {}
    other.stats()
    other.prune()
    other.put({key(2): SMALL})
    assert not victim.exists()


def test_pickled_settings_are_never_loaded(store: DiskStore, warnings: Warnings, tmp_path: Path) -> None:
    """diskcache keeps its settings in the database too, where it trusts them."""
    store.put({key(1): SMALL})
    victim = tmp_path / "run"
    with database(store) as connection:
        connection.execute(
            "UPDATE Settings SET value = ? WHERE key = 'disk_min_file_size'", (pickle.dumps(_Malice(str(victim))),)
        )
    connection.close()
    again(store, warnings).get([key(1)])
    assert not victim.exists()


@pytest.mark.parametrize("value", [SMALL, LARGE], ids=["in the database", "in a file"])
@pytest.mark.parametrize("way", ["emptied", "truncated", "flipped", "another's"])
def test_a_damaged_value_is_a_miss(store: DiskStore, warnings: Warnings, value: bytes, way: str) -> None:
    store.put({key(1): value, key(2): value})

    def spoil(sealed: bytes) -> bytes:
        return {
            "emptied": b"",
            "truncated": sealed[:-1],
            "flipped": sealed[:-1] + bytes([sealed[-1] ^ 1]),
            "another's": seal(b"other")[:-1],
        }[way]

    with database(store) as connection:
        rows = connection.execute("SELECT rowid, value, filename FROM Cache WHERE key = ?", (key(1),)).fetchall()
        ((rowid, stored, filename),) = rows
        if filename:
            path = store.folder / filename
            path.write_bytes(spoil(path.read_bytes()))
        else:
            connection.execute("UPDATE Cache SET value = ? WHERE rowid = ?", (spoil(bytes(stored)), rowid))
    connection.close()
    other = again(store, warnings)
    assert other.get([key(1), key(2)]) == {key(2): value}
    other.put({key(1): value})
    assert again(store, warnings).get([key(1)]) == {key(1): value}
    assert not warnings


def test_a_lost_file_is_a_miss(store: DiskStore, warnings: Warnings) -> None:
    store.put({key(1): LARGE, key(2): SMALL})
    for path in store.folder.rglob("*.val"):
        path.unlink()
    assert again(store, warnings).get([key(1), key(2)]) == {key(2): SMALL}


@pytest.mark.parametrize("way", ["garbage", "emptied", "truncated", "a folder", "no tables"])
def test_a_broken_database(store: DiskStore, warnings: Warnings, way: str) -> None:
    store.put({key(number): SMALL for number in range(50)})
    path = store.folder / "cache.db"
    if way != "no tables":
        for more in store.folder.glob("cache.db-*"):
            more.unlink()
    if way == "garbage":
        path.write_bytes(b"garbage" * 5000)
    elif way == "emptied":
        path.write_bytes(b"")
    elif way == "truncated":
        os.truncate(path, path.stat().st_size // 2)
    elif way == "a folder":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE Cache")
        connection.close()
    other = again(store, warnings)
    assert set(other.get([key(1)])) <= {key(1)}
    other.put({key(2): SMALL})
    assert other.get([key(2)]) in ({}, {key(2): SMALL})
    assert len(warnings) <= 1


def test_another_schema(store: DiskStore, warnings: Warnings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a version of ours that files its values otherwise: it is not even looked at, and left alone."""
    store.put({key(1): SMALL})
    monkeypatch.setattr(cache, "SCHEMA", keys.SCHEMA + 1)
    other = again(store, warnings)
    assert other.folder != store.folder
    assert other.get([key(1)]) == {}
    monkeypatch.undo()
    assert again(store, warnings).get([key(1)]) == {key(1): SMALL}
    assert not warnings


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_can_write(store: DiskStore, warnings: Warnings, mode: int) -> None:
    store.put({key(1): SMALL})
    store.folder.chmod(mode)
    other = again(store, warnings)
    assert other.get([key(1)]) == {}
    other.put({key(1): SMALL})
    assert other.stats() is None
    assert "others can write" in warnings.one()


def test_the_folder_is_ours_alone(store: DiskStore) -> None:
    mask = os.umask(0)
    try:
        store.put({key(1): LARGE})
    finally:
        os.umask(mask)
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_the_folder_of_another_user(store: DiskStore, warnings: Warnings, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put({key(1): SMALL})
    monkeypatch.setattr(os, "geteuid", lambda: store.folder.stat().st_uid + 1)
    assert again(store, warnings).get([key(1)]) == {}
    assert len(warnings) == 1


def test_a_read_only_folder(store: DiskStore, warnings: Warnings) -> None:
    if not os.geteuid():
        pytest.skip("root can write everywhere")
    store.put({key(1): SMALL})
    for path in store.folder.iterdir():
        path.chmod(0o400)
    store.folder.chmod(0o500)
    try:
        other = again(store, warnings)
        assert set(other.get([key(1)])) <= {key(1)}
        other.put({key(2): SMALL})
        assert other.get([key(2)]) == {}
    finally:
        store.folder.chmod(0o700)
    assert len(warnings) == 1


@pytest.mark.parametrize("place", ["a file", "below a file", "a dangling link"])
def test_a_folder_that_cannot_be(tmp_path: Path, warnings: Warnings, place: str) -> None:
    path = tmp_path / "cache"
    if place == "a dangling link":
        path.symlink_to(tmp_path / "nowhere" / "at" / "all")
    else:
        path.write_bytes(b"")
    store = DiskStore(path / "more" if place == "below a file" else path, LIMIT, warnings.append)
    store.put({key(1): SMALL})
    # A link to a folder that can be made is as good as the folder.
    assert store.get([key(1)]) in ({}, {key(1): SMALL})
    assert len(warnings) == (place != "a dangling link") or place == "a dangling link"
    assert len(warnings) <= 1


def test_eviction_by_size(store: DiskStore, warnings: Warnings) -> None:
    """The limit holds, and what was used last stays."""
    value = bytes(50_000)
    store.put({key(0): value})
    for number in range(1, 60):
        store.put({key(number): value + bytes([number])})
        assert store.get([key(0)]) == {key(0): value}, "what is in use went"
    found = store.stats()
    assert found is not None
    assert found[1] <= LIMIT + 200_000
    assert found[0] < 40
    assert not store.get([key(1)])
    assert not warnings


def test_prune(store: DiskStore, warnings: Warnings) -> None:
    store.put({key(number): bytes(50_000) + bytes([number]) for number in range(15)})
    smaller = again(store, warnings, 300_000)
    gone = smaller.prune()
    assert gone
    found = smaller.stats()
    assert found is not None
    assert found[0] == 15 - gone
    assert found[1] <= 300_000
    assert smaller.prune() == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("500M", 500 << 20),
        ("2G", 2 << 30),
        ("2g", 2 << 30),
        ("2GiB", 2 << 30),
        ("3KB", 3 << 10),
        ("1T", 1 << 40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "G", "1.5G", "many", "1X", "²", "٣G"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(OptionError, match="cache_limit"):
        parse_size(text)


def test_show_size() -> None:
    assert [show_size(size) for size in (0, 1023, 1024, 3 << 19, 2 << 30, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 MiB",
        "2.0 GiB",
        "5120.0 GiB",
    ]

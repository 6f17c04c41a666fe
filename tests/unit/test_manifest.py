"""The manifest: what is written is read again, and what is not sound is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch import manifest
from copypatch.keys import Key
from copypatch.manifest import Ledger, Manifest


def _made(folder: Path, opname: str, *, warned: bool = False) -> manifest.Entry:
    path = folder / "obj" / f"{opname}.o"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(opname.encode())
    key, object_key = Key("fragment"), Key("object")
    for one in (key, object_key):
        one.add("flags", "-O3")
        one.add("uop", opname)
    return manifest.entry(key, object_key, "its text", [path, folder / "missing"], warned=warned)


def test_round_trip(tmp_path: Path) -> None:
    entries = {name: _made(tmp_path, name, warned=name == "_B") for name in ("_A", "_B")}
    written = Manifest(entries, "header", "head")
    path = tmp_path / "manifest.json"
    manifest.save(path, written)
    assert manifest.load(path) == written
    assert manifest.load(path).entries["_B"].warned


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    entry = _made(tmp_path, "_A")
    path = tmp_path / "obj" / "_A.o"
    assert entry.intact([path])
    path.write_bytes(b"other")
    assert not entry.intact([path])
    path.unlink()
    assert not entry.intact([path])
    assert not entry.intact([tmp_path / "missing"]), "what was not there when it was recorded is not known"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 0}', '{"format": 3, "uops": {"_A": 1}}'])
def test_a_damaged_manifest_says_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    assert manifest.load(path) == Manifest()
    assert manifest.load(tmp_path / "none") == Manifest()


def test_a_ledger_sees_what_others_write(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    ledger, written = Ledger(path), Manifest(header="one")
    assert ledger.read() == Manifest()
    ledger.write(written)
    assert ledger.read() is written
    manifest.save(path, Manifest(header="three"))
    assert ledger.read() == Manifest(header="three")
    path.unlink()
    assert ledger.read() == Manifest()

"""Records come back as they were written, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copypatch import records

_RECORD = {"name": "ü", "digits": ["0123", "4567"], "none": None}


def test_a_record_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    records.save(path, _RECORD)
    assert records.load(path) == _RECORD
    assert json.loads(path.read_text(encoding="utf-8"))["record"] == _RECORD


def test_any_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    records.save(path, _RECORD)
    whole = path.read_bytes()
    damaged = [whole[:cut] for cut in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    damaged += [whole + b" ", b"null", b"{}"]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged record"):
            records.load(path)


def test_a_missing_record(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        records.load(tmp_path / "none")

"""A cache, and what it warns of."""

from __future__ import annotations

from pathlib import Path

import pytest
from cache.values import LIMIT, Warnings

from copypatch.cache import DiskStore


@pytest.fixture
def warnings() -> Warnings:
    """The warnings of `store`."""
    return Warnings()


@pytest.fixture
def store(tmp_path: Path, warnings: Warnings) -> DiskStore:
    """A cache in a folder of its own."""
    return DiskStore(tmp_path / "cache", LIMIT, warnings.append)

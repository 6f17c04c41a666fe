"""What tests of whole builds share."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.scons import Scons


@pytest.fixture
def plain(tmp_path: Path, home: Path) -> Scons:
    """Scons without a variable of ours but the cache, which make takes from its environment."""
    return Scons(home, environ={"XDG_CACHE_HOME": str(tmp_path / "cache")})

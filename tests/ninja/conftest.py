"""Real ninja on small trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.clang import CountedLLVM
from support.ninja import Ninja
from support.scons import Scons


@pytest.fixture
def ninja(build: Scons, out: Path, clang: CountedLLVM) -> Ninja:
    """Ninja in a folder where it has built minitree in 3.14 form."""
    build.ok("ninja")
    one = Ninja(build, out)
    one.ok()
    clang.forget()
    return one

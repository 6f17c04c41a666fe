"""How long the proof goes on, and the bench on which it is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from proof.bench import Bench


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the options of the proof; they are known where tests/proof is named on the command line."""
    group = parser.getgroup("proof")
    group.addoption("--proof-seed", type=int, help="the seed of the random edits and moments (default: 1)")
    group.addoption("--proof-steps", type=int, help="how many random edits are made (default: 500)")
    group.addoption("--proof-real-edits", type=int, help="how many edits of a real 3.13 are made (default: none)")
    group.addoption("--proof-kills", type=int, help="how many builds are killed (default: 20)")


@pytest.fixture
def proof_seed(pytestconfig: pytest.Config) -> int:
    """The seed of everything random."""
    return int(pytestconfig.getoption("proof_seed", None) or 1)


@pytest.fixture
def proof_steps(pytestconfig: pytest.Config) -> int:
    """How many random edits are made."""
    return int(pytestconfig.getoption("proof_steps", None) or 500)


@pytest.fixture
def proof_real_edits(pytestconfig: pytest.Config) -> int:
    """How many random edits of a real tree are made."""
    return int(pytestconfig.getoption("proof_real_edits", None) or 0)


@pytest.fixture
def proof_kills(pytestconfig: pytest.Config) -> int:
    """How many builds are killed."""
    return int(pytestconfig.getoption("proof_kills", None) or 20)


@pytest.fixture
def bench(tmp_path: Path, llvm_19: Path, home: Path) -> Bench:
    """A small tree in 3.14 form, an LLVM that takes notes, and this project, ready to be built."""
    return Bench.make(tmp_path, llvm_19, home)

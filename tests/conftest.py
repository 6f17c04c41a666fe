"""Fixtures of all tests: the toolchains and trees that there are, and real scons."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from provision import Provided, known
from support import trees
from support.clang import CountedLLVM
from support.groups import Groups
from support.scons import Scons


def pytest_configure(config: pytest.Config) -> None:
    """Watch for groups of tests that do not run; in CI, let properties be tried on the same examples each time."""
    if os.environ.get("CI"):
        # What a change breaks is to be told from what luck finds; at hand, every run tries others.
        settings.register_profile("ci", derandomize=True)
        settings.load_profile("ci")
    config.pluginmanager.register(Groups(), "copypatch-groups")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow files where files are dealt to processes, so that these end together."""
    if config.getoption("numprocesses", None):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def provided() -> Provided:
    """Every toolchain and tree that the tests can ask for."""
    return known()


@pytest.fixture(scope="session")
def place(provided: Provided) -> Callable[[str], Path]:
    """Return the folder of an environment variable (provision.PLACES), or skip the test and say why."""

    def find(variable: str) -> Path:
        found = provided.places.get(variable)
        if found is None:
            pytest.skip(f"{variable}: {provided.missing[variable]}")
        return found

    return find


@pytest.fixture(scope="session")
def llvm_18(place: Callable[[str], Path]) -> Path:
    """The prefix of LLVM 18."""
    return place("COPYPATCH_LLVM_18")


@pytest.fixture(scope="session")
def llvm_19(place: Callable[[str], Path]) -> Path:
    """The prefix of LLVM 19."""
    return place("COPYPATCH_LLVM_19")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, shared by all runs of scons: it holds the bytecode."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The output folder of `scons`."""
    return tmp_path / "out"


@pytest.fixture
def bare_scons(home: Path, out: Path) -> Scons:
    """Scons on this project, writing to `out`, with whatever LLVM it finds."""
    return Scons(home, variables={"out": out})


@pytest.fixture
def scons(home: Path, out: Path, llvm_19: Path) -> Scons:
    """Scons on this project, with the embedded templates and LLVM 19, writing to `out`."""
    return Scons(home, variables={"out": out, "llvm": llvm_19})


@pytest.fixture
def clang(tmp_path: Path, llvm_19: Path) -> CountedLLVM:
    """LLVM 19 with a clang that takes notes."""
    return CountedLLVM.make(tmp_path / "llvm", llvm_19)


@pytest.fixture
def minitree(tmp_path: Path) -> Callable[[str], Path]:
    """Lay out minitree in the form of a release."""
    return lambda form: trees.make(tmp_path / f"minitree-{form}", form)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Minitree in the form of 3.14, to be edited."""
    return trees.make(tmp_path / "tree", "3.14")


@pytest.fixture
def build(home: Path, out: Path, tree: Path, clang: CountedLLVM) -> Scons:
    """Scons on `tree` with the clang that takes notes, writing to `out`."""
    return Scons(home, variables={"out": out, "cpython": tree, "llvm": clang.prefix})


@pytest.fixture
def edit(tree: Path) -> Callable[[str, str, str], None]:
    """Edit a file of `tree`: its path in it, the text, the new text."""
    return lambda name, old, new: partial(trees.edit, tree / name)(old, new)

"""Fixtures of the tests over all targets: a clang that has them, and what runs AArch64's programs here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from copypatch.triples import PLATFORMS
from support import trees
from support.scons import Scons, texts
from targets.machines import AArch64

KINDS = ("release", "debug")
# How many uops the embedded templates have, counted without our code.
UOPS = len(trees.opnames(trees.ROOT / "uop_templates" / "executor_cases.c.h"))
TRIPLES = tuple(platform.example for platform in PLATFORMS)


@pytest.fixture(scope="session")
def llvm_all(place: Callable[[str], Path]) -> Path:
    """The prefix of an LLVM that has every target, and lld."""
    return place("COPYPATCH_LLVM_ALL")


@pytest.fixture(scope="session")
def aarch64(llvm_all: Path, place: Callable[[str], Path]) -> AArch64:
    """The cross compiler with its C library, and qemu-user."""
    emulator = place("COPYPATCH_QEMU_AARCH64") / "qemu-aarch64-static"
    return AArch64(llvm_all, place("COPYPATCH_SYSROOT_AARCH64"), emulator)


@dataclass(frozen=True)
class Built:
    """All targets in one output folder with one cache: first for release, then for debug; the headers of both."""

    scons: Scons
    out: Path
    headers: dict[str, dict[str, bytes]]


@pytest.fixture(scope="session")
def built(home: Path, llvm_all: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("targets")
    places = {"out": folder / "out", "llvm": llvm_all, "cache": folder / "cache"}
    scons = Scons(home, variables={**places, "target": ",".join(TRIPLES)})
    headers = {}
    for kind in KINDS:
        counts = scons.ok(debug=debug_of(kind)).counts
        # No kind of build takes another's work for its own.
        assert (counts.total, counts.compiled) == (len(TRIPLES) * (UOPS + 1), len(TRIPLES) * (UOPS + 1))
        headers[kind] = texts(folder / "out")
    return Built(scons, folder / "out", headers)


def debug_of(kind: str) -> str:
    return str(int(kind == "debug"))

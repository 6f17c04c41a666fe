"""Fixtures of the tests over all targets: a clang that has them, and what runs AArch64's programs here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from copypatch.triples import PLATFORMS

TRIPLES = tuple(platform.example for platform in PLATFORMS)


@pytest.fixture(scope="session")
def llvm_all(place: Callable[[str], Path]) -> Path:
    """The prefix of an LLVM that has every target, and lld."""
    return place("COPYPATCH_LLVM_ALL")


@dataclass(frozen=True)
class AArch64:
    """How to build programs for AArch64 Linux and to run them here."""

    llvm: Path
    sysroot: Path
    emulator: Path

    def compile(self, *arguments: str | Path) -> list[str]:
        """Return the command of the compiler."""
        flags = ["--target=aarch64-unknown-linux-gnu", f"--sysroot={self.sysroot}", "-fuse-ld=lld"]
        return [str(word) for word in (self.llvm / "bin" / "clang", *flags, *arguments)]

    def run(self, *arguments: str | Path) -> list[str]:
        """Return the command that runs a program."""
        return [str(word) for word in (self.emulator, "-L", self.sysroot, *arguments)]


@pytest.fixture(scope="session")
def aarch64(llvm_all: Path, place: Callable[[str], Path]) -> AArch64:
    """The cross compiler with its C library, and qemu-user."""
    emulator = place("COPYPATCH_QEMU_AARCH64") / "qemu-aarch64-static"
    return AArch64(llvm_all, place("COPYPATCH_SYSROOT_AARCH64"), emulator)

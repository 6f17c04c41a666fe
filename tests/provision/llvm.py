"""LLVM, one major version to a folder: the machine's own, or the Python wheels."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import bootstrap
from provision.steps import Failed, Unavailable

TOOLS = ("clang", "llvm-readobj", "llvm-objdump")


def is_prefix(folder: Path) -> bool:
    """Whether `folder` holds an LLVM that the build can use."""
    return all(os.access(folder / "bin" / tool, os.X_OK) for tool in TOOLS)


def present(root: Path, major: str) -> Path | None:
    """The prefix of an LLVM `major` that needs no fetching, if there is one."""
    debian = Path(f"/usr/lib/llvm-{major}")
    if is_prefix(debian):
        return debian
    for environment in (bootstrap.project_environment(), bootstrap.Environment(root / f"llvm-{major}")):
        if environment.has([f"llvm-{major}"]):
            return environment.folder
    return None


def bring(root: Path, major: str) -> Path:
    """The prefix of LLVM `major`. Raises Unavailable or Failed."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Unavailable(f"LLVM's wheels are for Linux on x86_64 only; apt install clang-{major} llvm-{major}")
    # An environment of its own for each: two versions can't share one.
    environment = bootstrap.Environment(root / f"llvm-{major}")
    try:
        environment.ensure([f"llvm-{major}"])
    except bootstrap.SetupError as error:
        raise Failed(str(error)) from None
    return environment.folder

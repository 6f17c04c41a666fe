"""What the measurements were made on, in terms that name no machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_VERSION = re.compile(r"version (\d+\.\d+\.\d+)")
_NUMBERS = re.compile(r"^#define PY_VERSION\s+\"([^\"]+)\"", re.MULTILINE)


def describe(llvm: Path, tree: Path | None) -> dict[str, str]:
    """Return the machine, the versions of what takes part, and how busy it is."""
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(len(os.sched_getaffinity(0))),
        "architecture": platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "scons": importlib.metadata.version("scons"),
        "LLVM": llvm_version(llvm),
        "load": load(),
    }
    if tree is not None:
        text = (tree / "Include" / "patchlevel.h").read_text(encoding="utf-8")
        match = _NUMBERS.search(text)
        facts["CPython"] = match[1] if match else "unknown"
    return facts


def llvm_version(llvm: Path) -> str:
    """Return the version of an installation's clang, as clang says it."""
    said = subprocess.run(
        [str(llvm / "bin" / "clang"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = _VERSION.search(said)
    return version[1] if version else "unknown"


def load() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"

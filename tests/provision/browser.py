"""A headless Chromium for the tests of the report's page: Debian's, unpacked, with all it needs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from provision.cross import SUITE, Bringer, Finder
from provision.debian import Apt
from provision.steps import make_once, run, stamped

_PACKAGE = "chromium-headless-shell"
_PROGRAM = f"usr/lib/chromium/{_PACKAGE}"
_RECIPE = f"1 {SUITE} {_PACKAGE}\n"


def present(root: Path) -> Path | None:
    """The folder that holds usr/lib/chromium, if there is one."""
    if os.access(Path("/", _PROGRAM), os.X_OK):
        return Path("/")
    folder = root / "chromium"
    return folder if stamped(folder, _RECIPE) else None


def bring(root: Path) -> Path:
    """The same, brought if it is not there (90 MB). Raises Unavailable or Failed."""
    if found := present(root):
        return found

    def make(folder: Path) -> None:
        apt = Apt(folder / ".apt", "deb", SUITE)
        # Nothing is installed, so the machine's own lock is nobody's business; apt works out what is missing.
        apt.options.append("--option=Debug::NoLocking=1")
        apt.fetch("install", "--download-only", "--no-install-recommends", "--yes", _PACKAGE)
        for package in sorted((folder / ".apt" / "cache" / "archives").glob("*.deb")):
            run(["dpkg-deb", "--extract", package, folder], f"unpacking {package.name}", cwd=folder)
        shutil.rmtree(folder / ".apt")

    return make_once(root / "chromium", _RECIPE, f"a headless Chromium ({SUITE})", make)


# By variable: a file in the place by which it is known, what finds it, what brings it.
PLACES: dict[str, tuple[str, Finder, Bringer]] = {"COPYPATCH_CHROMIUM": (_PROGRAM, present, bring)}

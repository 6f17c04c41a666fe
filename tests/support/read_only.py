"""Trees that nobody can write to, root included."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# In a mount namespace of its own, so that it is so for the command that follows alone.
_MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def seen_by(tree: Path) -> list[str]:
    """Make a tree read-only; return what to put in front of a command, for root needs more than permissions.

    Skips the test where that cannot be had.
    """
    if os.geteuid() != 0:
        for path in [tree, *tree.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        return []
    prefix = ["unshare", "--mount", "sh", "-c", _MOUNT, str(tree)]
    if (
        not shutil.which("unshare")
        or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("permissions don't apply to root, and root may not mount anything here")
    return prefix


def writable_again(tree: Path) -> None:
    """Undo it, so that the tree can be edited and deleted."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)

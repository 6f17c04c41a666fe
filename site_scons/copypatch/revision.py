"""A git revision of a tree in a folder of its own, for as long as it is looked at; the tree stays as it was."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from copypatch.errors import BaseError


@contextmanager
def checkout(folder: Path, revision: str) -> Iterator[Path]:
    """Check a revision out beside the user's own work, and yield the place of *folder* in it.

    The index and the files of the repository are left alone, and none of its hooks is run. Raises BaseError.
    """
    said = f"base=git:{revision}"
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel"))
    except BaseError as error:
        raise BaseError(f"{said}: {folder} is not in a git repository ({error})") from error
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except BaseError:
        raise BaseError(f"{said}: {top} has no such revision; git log --oneline lists what there is") from None
    with TemporaryDirectory(prefix="copypatch-") as temporary:
        place = Path(temporary).resolve() / "tree"
        try:
            # A hook is the user's, for the user's own checkouts.
            _git(
                top, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", str(place), commit
            )
            found = place / folder.resolve().relative_to(top.resolve())
            if not found.is_dir():
                raise BaseError(f"{said}: {folder} was not there then")
            yield found
        finally:
            if place.exists():
                _git(top, "worktree", "remove", "--force", str(place))


def _git(folder: Path, *arguments: str) -> str:
    # Where a hook of git's started us, its variables would point at the wrong repository or index.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environ,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise BaseError(f"git cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BaseError(said[-1] if said else f"git {arguments[0]} failed")
    return done.stdout.strip()

"""Files as a build tool needs them: written whole or not at all, and only when they change."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from copypatch.errors import OutputError


def digest(data: bytes | str) -> str:
    """Return the sha256 of *data* (text as UTF-8) in hexadecimal."""
    return hashlib.sha256(_bytes(data)).hexdigest()


# What is read in one piece at most.
_PIECE = 1 << 20


def _pieces(path: Path) -> Iterator[bytes]:
    # Thousands of small files are read in a build, and Python's own layers cost more than the system does.
    file = os.open(path, os.O_RDONLY)
    try:
        size = min(os.fstat(file).st_size + 1, _PIECE)
        while piece := os.read(file, size):
            yield piece
    finally:
        os.close(file)


def digest_file(path: Path) -> str:
    """Return the sha256 of the file's content in hexadecimal. Raises OSError."""
    hasher = hashlib.sha256()
    for piece in _pieces(path):
        hasher.update(piece)
    return hasher.hexdigest()


def read_text(path: Path) -> str:
    """Read UTF-8 text with its line ends as they are. Raises OSError.

    Bytes that are not UTF-8 (a comment in Latin-1, say) survive a round trip through :func:`write_if_changed`.
    """
    return b"".join(_pieces(path)).decode("utf-8", "surrogateescape")


def make_folder(path: Path) -> Path:
    """Create the folder with its parents. Raises OutputError with the way out."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot create this output folder ({error.strerror}); "
            "choose another one with out=DIR, or make its parent writable"
        ) from error
    return path


def holds(path: Path, data: bytes | str) -> bool:
    """Tell whether a file is there and holds exactly *data*."""
    content = _bytes(data)
    try:
        # The size tells most changes apart without reading.
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _bytes(data: bytes | str) -> bytes:
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data


def write_if_changed(path: Path, data: bytes | str) -> bool:
    """Make *path* hold *data*; return whether it had to be written.

    A file that already holds *data* keeps its mtime, so whatever is built from it stays up to date. Otherwise
    the new content goes to a unique file in the same folder, which then replaces *path* in one step: a reader,
    or a build that is killed here, sees the old content or the new one and nothing else.
    Raises OutputError.
    """
    content = _bytes(data)
    if holds(path, content):
        return False
    make_folder(path.parent)
    # Unique among the processes and threads of this machine; the ordinary open obeys the umask.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another folder with out=DIR, or make room in it"
        ) from error
    return True


def remove(paths: Iterable[Path]) -> None:
    """Delete files that may or may not exist."""
    for path in paths:
        path.unlink(missing_ok=True)


def file_state(path: Path | str) -> str:
    """Return the state of a file or folder, without reading it.

    It changes when the file is written, replaced, touched, made or deleted: size and mtime tell most, the inode
    a file that was replaced within the clock's tick, and the ctime, which no program can set, an mtime put back.
    """
    try:
        stat = os.stat(path)
    except OSError:
        return "absent"
    return f"{stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_size} {stat.st_ino}"


def fingerprint(paths: Iterable[Path]) -> str:
    """Return one digest of the states of files and folders, see :func:`file_state`."""
    return digest("".join(f"{path}\0{file_state(path)}\n" for path in paths))

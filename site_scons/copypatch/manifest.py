"""The manifest of an output folder: by which key every uop's outputs were made, and their digests.

It is what makes a uop up to date: SCons knows that a target was built, not that it still is what was built. A
manifest that is missing or damaged only means that nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from copypatch import records
from copypatch.files import digest, digest_file, file_state
from copypatch.keys import Key

FORMAT = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one uop: the keys of its fragment and object, what went in, its files' digests by name.

    *object_key* is empty where the object was never here. *warned*: the compiler had something to say about it.
    """

    key: str
    object_key: str
    inputs: Mapping[str, str]
    files: Mapping[str, str]
    warned: bool = False

    def knows(self, path: Path) -> bool:
        """Tell whether a file was there when the uop was recorded."""
        return _name(path) in self.files

    def intact(self, paths: Iterable[Path]) -> bool:
        """Tell whether files are still what they were when they were recorded."""
        return all(self.files.get(_name(path), "") == _digest(path) for path in paths)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Entries by uop. *header* and *head* are digests: of the finished header, and of what it says of itself."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    header: str = ""
    head: str = ""


def _name(path: Path) -> str:
    # A uop's files differ in their folder and ending only.
    return f"{path.parent.name}/{path.name}"


def _digest(path: Path) -> str | None:
    try:
        return digest_file(path)
    except OSError:
        return None


def load(path: Path) -> Manifest:
    """Return the manifest in a file; an empty one where there is none that can be read."""
    try:
        record = records.load(path)
        if record["format"] != FORMAT:
            return Manifest()
        shared = record["shared"]
        entries = {
            opname: Entry(
                uop["key"], uop["object"], {**shared[uop["shared"]], **uop["inputs"]}, uop["files"], uop["warned"]
            )
            for opname, uop in record["uops"].items()
        }
        return Manifest(entries, record["header"], record["head"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Manifest()


class Ledger:
    """A manifest's file, which one build at a time reads and writes: it is parsed once, not once a step."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = ""
        self._manifest = Manifest()

    def read(self) -> Manifest:
        """Return the manifest, see :func:`load`."""
        state = file_state(self._path)
        if state != self._state:
            self._manifest, self._state = load(self._path), state
        return self._manifest

    def write(self, manifest: Manifest) -> None:
        """Write the manifest. Raises OutputError."""
        save(self._path, manifest)
        self._manifest, self._state = manifest, file_state(self._path)


def save(path: Path, manifest: Manifest) -> None:
    """Write a manifest. Raises OutputError."""
    # Most of what went in is the same for all uops, so it is written once.
    references: dict[tuple[tuple[str, str], ...], str] = {}
    uops = {}
    for opname, entry in manifest.entries.items():
        own = {name: value for name, value in entry.inputs.items() if name in _OWN}
        common = tuple(field for field in entry.inputs.items() if field[0] not in _OWN)
        reference = references.get(common)
        if reference is None:
            reference = references[common] = digest(json.dumps(common))[:16]
        uops[opname] = {
            "key": entry.key,
            "object": entry.object_key,
            "shared": reference,
            "inputs": own,
            "files": dict(entry.files),
            "warned": entry.warned,
        }
    shared = {reference: dict(common) for common, reference in references.items()}
    record = {"format": FORMAT, "header": manifest.header, "head": manifest.head, "shared": shared, "uops": uops}
    records.save(path, record)


# What the user wrote for the uop, before any expansion; no part of the key.
OWN_TEXT = "own text"
_OWN = ("uop", "text", OWN_TEXT)


def entry(key: Key, object_key: Key | None, own_text: str, paths: Iterable[Path], *, warned: bool = False) -> Entry:
    """Return the entry of a uop whose files were just made. Files that do not exist are left out."""
    files = {_name(path): found for path in paths if (found := _digest(path)) is not None}
    made_by = "" if object_key is None else object_key.hexdigest()
    return Entry(key.hexdigest(), made_by, {**dict(key.fields), OWN_TEXT: own_text}, files, warned)

"""The identity of a toolchain: what its programs are by content, not by name or version alone.

Hashing LLVM takes a second and starting its tools to ask for versions some milliseconds each, so both are
remembered in the output folder for as long as no file involved changes its state.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from copypatch import records, toolchain
from copypatch.files import digest, digest_file, fingerprint
from copypatch.toolchain import Toolchain


@dataclass(frozen=True, slots=True)
class Identified:
    """A toolchain and the digest of everything that it is."""

    toolchain: Toolchain
    identity: str


def identify(
    major: int | None, prefix: Path | None, minimum: int, *, memory: Path, search: Sequence[Path] | None = None
) -> Identified:
    """Find the toolchain as :func:`copypatch.toolchain.find` does, and identify it.

    *memory* is the file in which the result is remembered. Raises ToolchainError.
    """
    environment = [os.environ.get("PATH", ""), sys.prefix, *(str(folder) for folder in search or ())]
    question = digest(json.dumps([major, str(prefix), minimum, environment]))
    remembered = _recall(memory, question)
    if remembered is not None:
        return remembered
    found = toolchain.find(major, prefix, minimum=minimum, search=search)
    # Starting programs and hashing some hundred megabytes: what waits and what computes goes side by side.
    with ThreadPoolExecutor() as pool:
        versions = pool.map(toolchain.version_text, (found.clang, found.readobj, found.objdump))
        files = sorted(set().union(*pool.map(toolchain.identity_files, found.tools)))
        content = pool.map(lambda path: f"{path.name} {digest_file(path)}", files)
    identity = digest("\n".join([*versions, *sorted(content)]))
    _remember(memory, question, found, files, identity)
    return Identified(found, identity)


def _watched(question_path: str, tools: Sequence[Path], files: Sequence[Path]) -> list[Path]:
    # A tool that appears in a folder further up in PATH would be found first.
    return [*(Path(folder) for folder in question_path.split(os.pathsep) if folder), *tools, *files]


def watched_files(memory: Path) -> list[Path]:
    """Return what decides of a remembered toolchain, as far as it is there: files, and folders searched before."""
    record = records.load(memory)
    tools = [Path(tool) for tool in record["tools"].values()]
    files = [Path(file) for file in record["files"]]
    places = [path.parent for path in (*tools, *files)]
    found = [*_watched(os.environ.get("PATH", ""), tools, files), *places]
    return [path for path in dict.fromkeys(found) if path.exists()]


def _recall(memory: Path, question: str) -> Identified | None:
    try:
        record = records.load(memory)
        clang, readobj, objdump = (Path(record["tools"][name]) for name in ("clang", "readobj", "objdump"))
        files = [Path(file) for file in record["files"]]
        watched = _watched(os.environ.get("PATH", ""), [clang, readobj, objdump], files)
        if record["question"] != question or record["state"] != fingerprint(watched):
            return None
        return Identified(Toolchain(clang, readobj, objdump, record["version"]), record["identity"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _remember(memory: Path, question: str, found: Toolchain, files: Sequence[Path], identity: str) -> None:
    tools = {"clang": found.clang, "readobj": found.readobj, "objdump": found.objdump}
    watched = _watched(os.environ.get("PATH", ""), found.tools, files)
    record = {
        "question": question,
        "state": fingerprint(watched),
        "tools": {name: str(path) for name, path in tools.items()},
        "files": [str(path) for path in files],
        "version": found.version,
        "identity": identity,
    }
    records.save(memory, record)

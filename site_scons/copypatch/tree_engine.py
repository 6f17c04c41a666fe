"""The passes that ship in a CPython tree, run from the tree (3.15 and later).

A fork edits Tools/jit/*.py as it edits the templates. So the assembly optimiser, the reader of the shim's unwind
information and what turns objects into C text are the tree's own, in a worker process
(:mod:`copypatch.tree_worker`) that lives as long as the build; their content is in the keys of what they make.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from copypatch.errors import TreeError
from copypatch.files import digest, digest_file, read_text

_WORKER = Path(__file__).with_name("tree_worker.py")

# Which files of Tools/jit make what. One that no release has counts for everything.
_ASSEMBLY = frozenset({"_optimizers.py", "_targets.py"})
_FRAGMENT = frozenset({"_schema.py", "_stencils.py", "_targets.py", "_writer.py"})
_SHIM = frozenset({"_dwarf.py", "_targets.py", "_writer.py"})
# The command line, what finds LLVM (copypatch finds its own), and a tool for people.
_NOTHING = frozenset({"build.py", "_llvm.py", "example_trace_dump.py"})
_KNOWN = _ASSEMBLY | _FRAGMENT | _SHIM | _NOTHING


@dataclass(frozen=True, slots=True)
class TreePasses:
    """The passes of a tree: the folder *tools* they are in, and digests of the files that make each artefact."""

    tools: Path
    assembly: str
    fragment: str
    shim: str


# What the worker calls, by file.
_CALLED: Mapping[str, tuple[str, ...]] = {
    "_optimizers.py": (),
    "_targets.py": ("_build_stencils", "_build_stencil_group", "_build_shim_object", "_get_shim_unwind_info"),
    "_writer.py": ("_dump_stencil", "_dump_footer", "dump_unwind_info"),
}


def can_drive(tools: Path) -> bool:
    """Tell whether a tree's Tools/jit has the passes, and the functions by which the worker runs them."""
    return all(
        (tools / file).is_file() and all(f"def {name}(" in read_text(tools / file) for name in names)
        for file, names in _CALLED.items()
    )


def passes(tools: Path) -> TreePasses:
    """Return the passes in a tree's Tools/jit. Raises OSError."""
    found = {path.relative_to(tools).as_posix(): path for path in sorted(tools.rglob("*.py"))}
    digests = {name: digest_file(path) for name, path in found.items()}
    worker = digest_file(_WORKER)

    def of(names: frozenset[str]) -> str:
        counted = [[name, value] for name, value in digests.items() if name in names or name not in _KNOWN]
        return digest(json.dumps([worker, counted]))

    return TreePasses(tools, of(_ASSEMBLY), of(_FRAGMENT), of(_SHIM))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the worker is told at its start.

    *arguments* are what copypatch has run each tool with, by what it was run for, for the worker to compare with
    what the tree asks for; *programs* the LLVM tools by name; *bytecode* a folder for Python's bytecode, which is
    not to be put into the tree.
    """

    tools: Path
    triple: str
    debug: bool
    cflags: str
    pyconfig: Path
    arguments: Mapping[str, Sequence[str]]
    programs: Mapping[str, Path]
    bytecode: Path

    def line(self) -> str:
        """Return them as a line of JSON."""
        record = {
            "tools": str(self.tools),
            "triple": self.triple,
            "debug": self.debug,
            "cflags": self.cflags,
            "pyconfig": str(self.pyconfig),
            "arguments": {name: list(words) for name, words in self.arguments.items()},
            "programs": {name: str(path) for name, path in self.programs.items()},
        }
        return json.dumps(record)


class TreeEngine:
    """The worker of one target: started when it is first asked, ended with this object.

    Its replies are mappings; one with an ``error`` says why the tree's code could not do what was asked.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, what: str, each: Sequence[Sequence[object]]) -> list[Mapping[str, Any]]:
        """Return a reply for each of the arguments. Raises TreeError where there is no working generator."""
        with self._lock:
            if self._process is None:
                self._process = self._start()
                self._talk(self._process, self._settings.line())
            replies: list[Mapping[str, Any]] = self._talk(self._process, json.dumps({"do": what, "each": each}))
            return replies

    def _start(self) -> subprocess.Popen[str]:
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(self._settings.bytecode)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        process = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            env=environ,
        )
        weakref.finalize(self, _end, process)
        return process

    def _talk(self, process: subprocess.Popen[str], line: str) -> Any:
        requests, replies = _pipe(process.stdin), _pipe(process.stdout)
        try:
            requests.write(f"{line}\n")
            requests.flush()
            answer = replies.readline()
        except OSError:
            answer = ""
        if not answer:
            raise TreeError(
                f"{self._settings.tools}: the process that runs its Python files ended; what it said is above"
            )
        record = json.loads(answer)
        if "error" in record:
            raise TreeError(f"{self._settings.tools}: its Python files cannot be used: {record['error']}")
        return record["replies"]

    def ask_one(self, what: str, *arguments: object) -> Mapping[str, Any]:
        """Return the one reply. Raises TreeError where the tree's code could not do it."""
        (reply,) = self.ask(what, [arguments])
        if "error" in reply:
            raise TreeError(f"{self._settings.tools}: {what}: {reply['error']}")
        return reply


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise TreeError("the worker was started without a pipe")
    return stream


def _end(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait()

"""The passes that ship in a CPython tree, run from the tree.

A fork edits Tools/jit/*.py as it edits the templates. So what turns objects into C text can be the tree's own (and
from 3.15 on the assembly optimiser and the reader of the shim's unwind information are), in a worker process
(:mod:`copypatch.tree_worker`) that lives as long as the build; their content is in the keys of what they make.
:mod:`copypatch.engine` decides for which trees.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from copypatch.errors import TreeError
from copypatch.files import digest, digest_file, read_text

_WORKER = Path(__file__).with_name("tree_worker")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which files of a generator make what: assembly of assembly, C text of objects, the linked shim.

    *nothing* are those that make none of it. A file that is nowhere, since no release has it, counts for
    everything. *called* are the functions that the worker calls, by file; a file without any has to be there.
    """

    called: Mapping[str, tuple[str, ...]]
    fragment: frozenset[str]
    nothing: frozenset[str]
    assembly: frozenset[str] = frozenset()
    shim: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TreePasses:
    """The passes of a tree: the folder *tools* they are in, and digests of the files that make each artefact.

    A digest is "" where the tree has no passes for an artefact. *files* is one of all files.
    """

    tools: Path
    files: str
    assembly: str
    fragment: str
    shim: str


def lacking(tools: Path, layout: Layout) -> list[str]:
    """Return what the worker would call in a tree's Tools/jit and does not find there."""
    missing = []
    for file, names in layout.called.items():
        text = read_text(tools / file) if (tools / file).is_file() else None
        if text is None:
            missing.append(file)
        else:
            missing += [f"{name}() in {file}" for name in names if f"def {name}(" not in text]
    return missing


def python_files(tools: Path) -> dict[str, str]:
    """Return digests of the Python files in a Tools/jit by their names there. Raises TreeError."""
    found = [path.relative_to(tools) for path in sorted(tools.rglob("*.py")) if path.is_file()]
    try:
        return {path.as_posix(): digest_file(tools / path) for path in found if "__pycache__" not in path.parts}
    except OSError as error:
        raise TreeError(f"{error.filename}: cannot be read ({error.strerror})") from error


def passes(tools: Path, layout: Layout, files: Mapping[str, str]) -> TreePasses:
    """Return the passes in a tree's Tools/jit, whose Python files are *files* (digests by name)."""
    worker = digest("".join(map(digest_file, sorted(_WORKER.glob("*.py")))))
    known = layout.assembly | layout.fragment | layout.shim | layout.nothing

    def of(names: frozenset[str]) -> str:
        if not names:
            return ""
        counted = [[name, value] for name, value in files.items() if name in names or name not in known]
        return digest(json.dumps([worker, counted]))

    return TreePasses(tools, _digest(files), of(layout.assembly), of(layout.fragment), of(layout.shim))


def _digest(files: Mapping[str, str]) -> str:
    return digest(json.dumps([*files.items()]))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the worker is told at its start.

    *entry* is the group that a header has beside the uops', "" for none. *arguments* are what copypatch has run
    each tool with, for the worker to compare with what the tree asks for: the compiler's by the suffix of what it
    writes, the others' by name. *edits* are a text before and after what is done to such a file before it is read,
    by suffix. *programs* are the LLVM tools by name; *bytecode* is a folder for Python's bytecode, which is not to
    be put into the tree. It is told by the content of all files there: Python tells a file by its size, and by its
    time in seconds, which an edit need not change.
    """

    passes: TreePasses
    triple: str
    entry: str
    debug: bool
    cflags: str
    pyconfig: Path
    arguments: Mapping[str, Sequence[str]]
    edits: Mapping[str, tuple[str, str]]
    programs: Mapping[str, Path]
    bytecode: Path

    def line(self) -> str:
        """Return them as a line of JSON."""
        record = {
            "tools": str(self.passes.tools),
            "triple": self.triple,
            "entry": self.entry,
            "debug": self.debug,
            "cflags": self.cflags,
            "pyconfig": str(self.pyconfig),
            "arguments": {name: list(words) for name, words in self.arguments.items()},
            "edits": dict(self.edits),
            "programs": {name: str(path) for name, path in self.programs.items()},
            "bytecode": str(self.bytecode / self.passes.files),
        }
        return json.dumps(record)


def start_worker(line: str) -> subprocess.Popen[str]:
    """Start a worker with the line of its settings; it imports what it runs while others do something else."""
    process = subprocess.Popen(
        # Without the worker's folder on the path: ours are not the tree's modules.
        [sys.executable, "-P", str(_WORKER / "__main__.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
    )
    _say(process, line)
    return process


def _say(process: subprocess.Popen[str], line: str) -> None:
    requests = _pipe(process.stdin)
    # A worker that is gone is noticed when it is to answer.
    with suppress(OSError):
        requests.write(f"{line}\n")
        requests.flush()


class TreeEngine:
    """The worker of one target: started when it is first asked, ended with this object.

    Its replies are mappings; one with an ``error`` says why the tree's code could not do what was asked.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tools = settings.passes.tools
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._greeted = False
        # Why there is no worker any more: threads share it, and all are to say the same.
        self._ended: TreeError | None = None

    def ask(self, what: str, each: Sequence[Sequence[object]]) -> list[Mapping[str, Any]]:
        """Return a reply for each of the arguments. Raises TreeError where there is no working generator."""
        with self._lock:
            if self._ended is not None:
                raise self._ended
            try:
                process = self._started()
                if not self._greeted:
                    self._hear(process)
                    self._check_files()
                    self._greeted = True
                _say(process, json.dumps({"do": what, "each": each}))
                replies: list[Mapping[str, Any]] = self._hear(process)
            except TreeError as error:
                self._ended = error
                raise
            return replies

    def line(self) -> str:
        """Return the line of settings for :func:`start_worker`, for :meth:`adopt` later on."""
        return self._settings.line()

    def begin(self) -> None:
        """Start the worker, which takes a while to import what it runs, for whoever asks first."""
        with self._lock:
            self._started()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = start_worker(self.line())
            weakref.finalize(self, _end, self._process)
        return self._process

    def adopt(self, line: str, process: subprocess.Popen[str]) -> None:
        """Use a worker that was started with the line of some settings, if those are still what they are now."""
        with self._lock:
            if self._process is None and line == self._settings.line():
                self._process = process
                weakref.finalize(self, _end, process)
                return
        _end(process)

    def _check_files(self) -> None:
        """Make sure that what was imported is what the keys say. Raises TreeError."""
        passes, bytecode = self._settings.passes, self._settings.bytecode
        if _digest(python_files(passes.tools)) != passes.files:
            raise TreeError(f"{passes.tools}: a file was changed while the build ran; run it again")
        for folder in bytecode.glob("*"):
            if folder.name != passes.files:
                shutil.rmtree(folder, ignore_errors=True)

    def _hear(self, process: subprocess.Popen[str]) -> Any:
        try:
            answer = _pipe(process.stdout).readline()
        except OSError:
            answer = ""
        if not answer:
            raise TreeError(f"{self._tools}: the process that runs its Python files ended; what it said is above")
        record = json.loads(answer)
        if "error" in record:
            raise TreeError(f"{self._tools}: its Python files cannot be used: {record['error']}")
        return record["replies"]

    def ask_one(self, what: str, *arguments: object) -> Mapping[str, Any]:
        """Return the one reply. Raises TreeError where the tree's code could not do it."""
        (reply,) = self.ask(what, [arguments])
        if "error" in reply:
            raise TreeError(f"{self._tools}: {what}: {reply['error']}")
        return reply


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise TreeError("the worker was started without a pipe")
    return stream


def _end(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        # What a worker that is gone has not read is lost.
        with suppress(OSError):
            _pipe(stream).close()
    process.wait()

"""A copy of a whole CPython tree and programs that run in its build folder, for tests that build interpreters."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from support import trees
from support.scons import Scons

_CLOSING = re.compile(
    r"copypatch: (\d+) uops: (\d+) up to date, (\d+) restored, (\d+) \w+ in shards, (\d+) \w+ alone"
)
_EDIT = "            if (stack_pointer == NULL) { JUMP_TO_ERROR(); }\n"
# An inline function that a uop calls, of pycore_list.h, for lists that never are: even one that is being sorted
# says -1.
_INLINE = ("    Py_ssize_t allocated = self->allocated;\n", "    if (allocated < -1) { return -1; }\n")
_TEMPLATE = ("    int uopcode = _JIT_OPCODE;\n", "    if (tstate == NULL) { return NULL; }\n")


@dataclass(frozen=True)
class Made:
    """What a make did: how many uops came out of the cache and were compiled, and the objects that it made."""

    output: str
    restored: int
    compiled: int
    objects: frozenset[str]

    @classmethod
    def of(cls, output: str) -> Made:
        """Read it out of make's output."""
        counts = [tuple(map(int, match.groups()[2:])) for match in _CLOSING.finditer(output)]
        objects = re.findall(r"^\S*(?:cc|clang)\S* -c .* -o (\S+\.o) ", output, re.MULTILINE)
        restored, compiled = (sum(count[0] for count in counts), sum(count[1] + count[2] for count in counts))
        return cls(output, restored, compiled, frozenset(objects))


def copied(original: Path, tree: Path, *leave: str) -> Path:
    """Copy a tree, but for what is at its top by the names that are given; return the copy."""

    def ignore(path: str, names: list[str]) -> set[str]:
        return {"__pycache__", *(leave if Path(path) == original else ())} & set(names)

    return shutil.copytree(original, tree, symlinks=True, ignore=ignore)


@dataclass(frozen=True)
class Cpython:
    """A tree of a release, its build folder, and the LLVM; *times* are what its steps took, by what they did."""

    version: str
    tree: Path
    build: Path
    scons: Scons
    llvm: Path
    times: dict[str, str] = field(default_factory=dict)

    @property
    def uops(self) -> int:
        """How many uops it has, its entry included where that is a stencil."""
        return len(trees.opnames(trees.cases_file(self.tree))) + (self.version != "3.15")

    def start(self, *command: str | Path, **environ: str) -> subprocess.Popen[str]:
        """Start a command in the build folder, in a session of its own so that all of it can be killed."""
        return subprocess.Popen(
            command,
            cwd=self.build,
            env={**self.scons.environment(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, *command: str | Path, what: str = "", status: int = 0, **environ: str) -> str:
        """Run a command in the build folder, which has to end with *status*; return its output.

        The time that it takes is noted as *what*'s, with the processors' time, which others here don't disturb.
        """
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        process = self.start(*command, **environ)
        output, _ = process.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process.returncode == status, output[-6000:]
        if what:
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            self.times[what] = f"{time.monotonic() - started:7.2f} s {busy:7.2f} s CPU"
        return output

    def make(self, *arguments: str, what: str = "", prefix: tuple[str, ...] = ()) -> Made:
        """Run make with two jobs, which has to succeed without a warning of its own."""
        output = self.run(*prefix, "make", "-j2", *arguments, what=what)
        warned = re.search(
            r"^.*(make(\[\d+\])?: (warning|INTERNAL)|akefile:\d+: warning|jobserver).*", output, re.M
        )
        assert warned is None, warned[0]
        return Made.of(output)

    def generator(self, *arguments: str, what: str = "") -> str:
        """Run make with the tree's own rule: what is in the folder is not looked at."""
        path = f"{self.llvm / 'bin'}:{self.scons.environment()['PATH']}"
        regen = f"PYTHON_FOR_REGEN={sys.executable}"
        return self.run("make", "-f", "Makefile", "-j2", regen, *arguments, what=what, PATH=path)

    def embed(self, target: str = "embed") -> None:
        """Run `scons embed`."""
        words = [f"build={self.build}", *([f"llvm={self.llvm}"] if target == "embed" else [])]
        self.scons.bare(target, *words)

    def kill_when_half_done(self, *arguments: str) -> None:
        """Run make, and kill all of it when half of the uops are compiled."""
        old = self._objects()
        process = self.start("make", "-j2", *arguments)
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and process.poll() is None:
            if len(self._objects() - old) > self.uops / 2:
                break
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()[0][-6000:]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def _objects(self) -> set[tuple[str, int]]:
        return {(path.name, path.stat().st_mtime_ns) for path in self.build.glob(".copypatch/uops/*/obj/*.o")}

    def edit_case(self, *, back: bool = False) -> None:
        """Change what a uop does, where it never is."""
        variant = "_r10" if self.version == "3.15" else ""
        line = f"        case _LIST_APPEND{variant}: {{\n"
        _edit(trees.cases_file(self.tree), line, _EDIT, back)

    def edit_header(self, *, back: bool = False) -> None:
        """Change an inline function."""
        _edit(self.tree / "Include" / "internal" / "pycore_list.h", *_INLINE, back)

    def edit_template(self, *, back: bool = False) -> None:
        """Change what every uop is, for threads that never are."""
        _edit(self.tree / "Tools" / "jit" / "template.c", *_TEMPLATE, back)


def _edit(path: Path, line: str, added: str, back: bool) -> None:
    trees.edit(path, line + added if back else line, line if back else line + added)

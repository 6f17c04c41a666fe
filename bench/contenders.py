"""Who is measured: the tree's own generator, and copypatch through the scons that a user would run."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.machine import llvm_version
from bench.processes import BenchError, Finished, environment, run

PROJECT = Path(__file__).resolve().parent.parent

_CLOSING = re.compile(r"^copypatch: (?P<total>\d+) uops?: (?P<parts>.*), [\d.]+ s$", re.MULTILINE)
_HELP_VARIABLE = re.compile(r"^ {2}(\w+)=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counts:
    """The closing line of a build: what became of its uops."""

    total: int
    fresh: int
    restored: int
    compiled: int

    @classmethod
    def parse(cls, output: str) -> Counts:
        """Read the closing line. Raises BenchError when there is none."""
        match = _CLOSING.search(output)
        if match is None:
            raise BenchError(f"no closing line in what scons said:\n{output[-2000:]}")
        parts = [part.split(" ", 1) for part in match["parts"].split(", ")]
        numbers = {name: int(number) for number, name in parts}
        compiled = sum(number for name, number in numbers.items() if name.startswith("compiled"))
        return cls(int(match["total"]), numbers["up to date"], numbers["restored"], compiled)


@dataclass(frozen=True, slots=True)
class Built:
    """A build by copypatch."""

    finished: Finished
    counts: Counts


@dataclass(frozen=True)
class Copypatch:
    """`scons -jN ...` in a checkout of this project.

    *variables* are those of the command line; *out* is one of them. The cache, where there is one, is *cache*,
    never the user's.
    """

    out: Path
    cache: Path
    home: Path
    variables: Mapping[str, str | Path]
    jobs: int
    project: Path = PROJECT

    @cached_property
    def known(self) -> frozenset[str]:
        """The variables that this checkout has."""
        return frozenset(_HELP_VARIABLE.findall(self._run("-h").output))

    @property
    def has_cache(self) -> bool:
        """Whether there is a shared cache."""
        return "cache" in self.known

    def command(self, *arguments: str, **more: str | Path) -> list[str]:
        """The command of a build."""
        said: dict[str, str | Path] = {**self.variables, "out": self.out, **more}
        if self.has_cache:
            said.setdefault("cache", self.cache)
        words = [f"{name}={value}" for name, value in said.items()]
        return [*_scons(), f"-j{self.jobs}", *words, *arguments]

    def build(self, *arguments: str, **more: str | Path) -> Built:
        """Build, and read the closing line. Raises BenchError."""
        finished = run(self.command(*arguments, **more), self.project, environment(self.home))
        return Built(finished, Counts.parse(finished.output))

    def clear(self, *, cache: bool) -> None:
        """Empty the output folder, and the cache too if so said."""
        for folder in (self.out, self.cache) if cache else (self.out,):
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, *arguments: str) -> Finished:
        return run([*_scons(), *arguments], self.project, environment(self.home))


@dataclass(frozen=True)
class Ninja:
    """`ninja` in an output folder of copypatch's, for which scons has written its build.ninja."""

    ours: Copypatch
    out: Path

    def set_up(self) -> None:
        """Let scons write build.ninja, and build once. Raises BenchError."""
        run(self.ours.command("ninja", out=self.out), self.ours.project, environment(self.ours.home))
        self.build()

    def build(self) -> tuple[Finished, int]:
        """Build; return what came of it, and how many objects were made. Raises BenchError."""
        before = self._objects()
        script = Path(sys.executable).parent / "ninja"
        command = [str(script) if script.is_file() else "ninja", "-C", str(self.out), f"-j{self.ours.jobs}"]
        finished = run(command, self.ours.project, environment(self.ours.home))
        after = self._objects()
        return finished, sum(before.get(path) != state for path, state in after.items())

    def _objects(self) -> dict[Path, int]:
        # From 3.15 on the compiler makes assembly, and what comes of it is the work of another step.
        found = list(self.out.glob("uops/*/s/*.s")) or list(self.out.glob("uops/*/obj/*.o"))
        return {path: path.stat().st_mtime_ns for path in found}


def _scons() -> list[str]:
    """The scons of the environment that runs us, as a user would start it."""
    script = Path(sys.executable).parent / "scons"
    return [str(script)] if script.is_file() else [sys.executable, "-m", "SCons"]


@dataclass(frozen=True)
class Generator:
    """The tree's own `Tools/jit/build.py`, with the LLVM in *llvm*, writing to *out*."""

    tree: Path
    pyconfig: Path
    llvm: Path
    out: Path
    home: Path
    debug: bool
    triple: str = field(default_factory=lambda: f"{platform.machine()}-unknown-linux-gnu")

    @cached_property
    def takes_folders(self) -> bool:
        """Whether it can be told where to write; 3.13's works in its current folder, beside pyconfig.h."""
        return "--output-dir" in self._options

    @property
    def _options(self) -> str:
        return (self.tree / "Tools" / "jit" / "build.py").read_text(encoding="utf-8")

    @cached_property
    def _llvm_major(self) -> str:
        return llvm_version(self.llvm).partition(".")[0]

    def build(self, *, force: bool = False) -> Finished:
        """Run it. Raises BenchError."""
        self.out.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(self.tree / "Tools" / "jit" / "build.py"), self.triple]
        command += ["--force"] * force + ["--debug"] * self.debug
        if self.takes_folders:
            command += ["--output-dir", str(self.out), "--pyconfig-dir", str(self.pyconfig)]
        elif not (self.out / "pyconfig.h").exists():
            shutil.copy2(self.pyconfig / "pyconfig.h", self.out)
        if "--llvm-tools-install-dir" in self._options:
            command += ["--llvm-version", self._llvm_major, "--llvm-tools-install-dir", str(self.llvm)]
        plain = environment(self.home)
        path = f"{self.llvm / 'bin'}:{plain['PATH']}"
        return run(command, self.out, {**plain, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"})

    def clear(self) -> None:
        """Empty the output folder."""
        shutil.rmtree(self.out, ignore_errors=True)

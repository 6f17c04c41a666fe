"""Runs real scons, and reads what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.trees import ROOT

_CLOSING = re.compile(
    r"^copypatch: (?:(?P<total>\d+) uops?: (?P<fresh>\d+) up to date, |not finished: of (?P<wanted>\d+) uops? )"
    r"(?P<restored>\d+) restored, (?P<sharded>\d+) compiled in shards, (?P<alone>\d+) compiled alone, "
    r"(?:(?P<failed>\d+) failed, )?(?P<seconds>[\d.]+) s$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Counts:
    """The closing line of a build. *compiled* are the uops compiled in shards and those compiled alone.

    A build that was not *finished* does not say how many uops are *fresh*.
    """

    finished: bool
    total: int
    fresh: int
    restored: int
    compiled: int
    failed: int


@dataclass(frozen=True)
class Done:
    """What a run of scons left."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that was said; for messages of failed tests too."""
        return f"{self.stdout}\n{self.stderr}"

    @property
    def counts(self) -> Counts:
        """The numbers of the closing line, which must be there once."""
        (match,) = _CLOSING.finditer(self.stdout)
        number = {name: int(text or 0) for name, text in match.groupdict().items() if name != "seconds"}
        return Counts(
            finished=match["wanted"] is None,
            total=number["total"] + number["wanted"],
            fresh=number["fresh"],
            restored=number["restored"],
            compiled=number["sharded"] + number["alone"],
            failed=number["failed"],
        )

    @property
    def has_traceback(self) -> bool:
        """Whether Python's own words on an exception were shown."""
        return "Traceback" in self.output or 'File "' in self.output


@dataclass(frozen=True)
class Scons:
    """Runs `scons` on a project, with nothing written into it.

    *home* takes what programs keep for a user. *variables* are given to every run that does not say otherwise.
    *cwd* is where scons is called; the project's own folder if not given.
    """

    home: Path
    project: Path = ROOT
    variables: Mapping[str, str | Path] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 2
    cwd: Path | None = None

    def at(self, folder: Path) -> Scons:
        """The same, called in another folder."""
        return replace(self, cwd=folder)

    def environment(self) -> dict[str, str]:
        """The environment of a run."""
        # A user's own settings (SCONSFLAGS, a cache of LLVM's) must not decide what a test sees.
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        own = {
            "HOME": self.home,
            "XDG_CACHE_HOME": self.home / "cache",
            # The checkout stays clean, and the next run finds the bytecode all the same.
            "PYTHONPYCACHEPREFIX": self.home / "pycache",
        }
        return {**kept, **{name: str(value) for name, value in own.items()}, **self.environ}

    def command(self, *arguments: str, **variables: str | Path) -> list[str]:
        """The command of a run."""
        # A cache would make a second build of anything a matter of restoring it.
        said = {"cache": "off", **self.variables, **variables}
        words = [f"{name}={value}" for name, value in said.items()]
        return [sys.executable, "-m", "SCons", f"-j{self.jobs}", *words, *arguments]

    def __call__(self, *arguments: str, **variables: str | Path) -> Done:
        """Run scons with arguments and variables (``debug="1"``)."""
        return self.run(self.command(*arguments, **variables))

    def run(self, command: Sequence[str]) -> Done:
        """Run a command in the environment of scons."""
        done = subprocess.run(
            command,
            cwd=self.cwd or self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, **variables: str | Path) -> Done:
        """Run scons, which must succeed."""
        done = self(*arguments, **variables)
        assert done.status == 0, done.output
        return done

    def bare(self, *words: str) -> str:
        """Run scons with these words alone, which must succeed; return what it printed."""
        done = self.run([sys.executable, "-m", "SCons", *words])
        assert done.status == 0, done.output
        return done.stdout


def snapshot(folder: Path, pattern: str = "jit_stencils*.h") -> dict[str, tuple[bytes, int]]:
    """The content and mtime (ns) of the files of a folder, the headers unless said otherwise."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


def texts(folder: Path, pattern: str = "jit_stencils*.h") -> dict[str, bytes]:
    """The content alone."""
    return {name: content for name, (content, _) in snapshot(folder, pattern).items()}


def objects(out: Path) -> dict[str, int]:
    """The mtimes (ns) of all objects under an output folder, by uop; with several plans, the newest."""
    found: dict[str, int] = {}
    for path in out.glob("uops/*/obj/*.o"):
        found[path.stem] = max(found.get(path.stem, 0), path.stat().st_mtime_ns)
    return found


def remade(before: dict[str, int], out: Path) -> set[str]:
    """The uops whose objects were written since *before*, however they were compiled."""
    return {opname for opname, mtime in objects(out).items() if before.get(opname) != mtime}

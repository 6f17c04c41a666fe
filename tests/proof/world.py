"""The world of a random walk: a bench, what can be said on the command line, and how files get written."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from proof.bench import Bench
from proof.expected import Expander, Model


@dataclass
class World:
    """Everything that an edit can change. *model* says what the builds so far have left."""

    bench: Bench
    random: random.Random
    cases: dict[str, str]
    model: Model = field(default_factory=Model)
    debug: bool = False
    cflags: str = ""
    cache: bool = True
    full: bool = False
    shards: bool = True
    jobs: int = 2
    # What makes up for the steps of a build tool's life that are no edits: undone in the step after.
    undo: list[tuple[Path, Path]] = field(default_factory=list)
    # The tree as it was built last, for when edits together have made one that cannot be.
    good: dict[Path, bytes] = field(default_factory=dict)
    good_cases: dict[str, str] = field(default_factory=dict)
    stuck: bool = False
    edits_of_tool: int = 0

    def __post_init__(self) -> None:
        self.expander = Expander(self.bench)

    @property
    def kind(self) -> str:
        """The kind of build, which has a part of the output folder for itself."""
        return "debug" if self.debug else "release"

    @property
    def parts(self) -> list[Path]:
        """The parts of the output folder that there are."""
        return sorted(path.parent for path in self.bench.out.glob("uops/*/manifest.json"))

    def variables(self) -> dict[str, str]:
        """What is said to scons."""
        return {
            "debug": str(int(self.debug)),
            "cflags": self.cflags,
            "cache": str(self.bench.cache) if self.cache else "off",
            "graph": "full" if self.full else "auto",
            "shards": "auto" if self.shards else "off",
        }

    def tool_state(self) -> str:
        """Which tool makes fragments out of objects: of the files that are edited, these are the ones that do."""
        library = self.bench.project / "site_scons" / "copypatch"
        files = [library / name for name in ("readobj.py", "stencil.py", "fragment.py")]
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()

    def remember(self) -> None:
        """The tree can be built as it is."""
        self.good = {path: path.read_bytes() for path in self.bench.tree.rglob("*") if path.is_file()}
        self.good_cases = dict(self.cases)

    def go_back(self) -> str:
        """As version control does: to the tree that was built last."""
        self.stuck = False
        for path in [path for path in self.bench.tree.rglob("*") if path.is_file() and path not in self.good]:
            path.unlink()
        for path, content in self.good.items():
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        self.cases = dict(self.good_cases)
        return "back to the tree that was built last"

    def write(self, path: Path, text: str) -> str:
        """Write a file in one of the ways in which editors, scripts and version control do; say in which."""
        try:
            before = os.stat(path)
        except OSError:
            before = None
        path.parent.mkdir(parents=True, exist_ok=True)
        way = self.random.choice(["in place", "renamed", "renamed"])
        if way == "renamed":
            temporary = path.with_name("~new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        else:
            path.write_text(text, encoding="utf-8")
        return f"{way}, {self._set_clock(path, before)}"

    def _set_clock(self, path: Path, before: os.stat_result | None) -> str:
        clock = self.random.choice(["now", "now", "mtime kept", "in 1980", "in 2100"])
        if clock == "mtime kept" and before is not None:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        elif clock == "in 1980":
            os.utime(path, (315532800, 315532800))
        elif clock == "in 2100":
            os.utime(path, (4102444800, 4102444800))
        return clock

    def write_cases(self) -> str:
        """Write the cases file."""
        self.bench.write_cases(self.cases)
        path = self.bench.tree / "Python" / "executor_cases.c.h"
        return self.write(path, path.read_text(encoding="utf-8"))

    def write_tool(self, path: Path, text: str) -> None:
        """Write a file of the tool, in a second of its own: Python itself compares whole seconds and sizes."""
        path.write_text(text, encoding="utf-8")
        self.edits_of_tool += 1
        then = time.time() + 2 * self.edits_of_tool
        os.utime(path, (then, then))

    def empty_cache(self) -> None:
        """Throw the cache away."""
        shutil.rmtree(self.bench.cache, ignore_errors=True)
        self.model.cache.clear()
        self.model.fragments.clear()
        self.model.doubtful.clear()

"""The bench: a small tree, a compiler that takes notes, a copy of this project, and builds of all that."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from proof import compilers
from proof.compilers import NOTES, Notes

from support import trees
from support.scons import Done, Scons, texts

_CASE = re.compile(r"^ {8}case (\w+): \{\n(.*?)\n {8}\}$", re.MULTILINE | re.DOTALL)
# Few, so that a build is quick; between them: operands, strings, asserts, a static helper, a table, a warning.
KEPT = ("_NOP", "_LOAD_OPARG", "_ADD_TWICE", "_MIX", "_ASSERTED", "_NAME_COLOUR", "_WARN")
WARNING = frozenset({"_WARN"})
ENTRY = "shim"
HEAD = "// The uops of the bench.\n\n"


def cases_text(cases: Mapping[str, str]) -> str:
    """The text of a cases file."""
    return HEAD + "".join(f"        case {name}: {{\n{body}\n        }}\n\n" for name, body in cases.items())


def initial_cases(cases: Path) -> dict[str, str]:
    """The bodies of the cases that the bench begins with, by name."""
    found = {match[1]: match[2] for match in _CASE.finditer(cases.read_text(encoding="utf-8"))}
    return {name: found[name] for name in KEPT}


# SCons says where in its own code it found its database damaged.
_SCONS_DATABASE = re.compile(r'^scons: warning: Ignoring corrupt .*\n\s*File ".*\n', re.MULTILINE)


@dataclass(frozen=True)
class Built:
    """What a build did. *compiled*: how often clang was run on each group's text."""

    done: Done
    compiled: Counter[str]
    headers: Mapping[str, bytes]

    @property
    def has_traceback(self) -> bool:
        """Whether Python's own words on an exception were shown."""
        return replace(self.done, stderr=_SCONS_DATABASE.sub("", self.done.stderr)).has_traceback


@dataclass(frozen=True)
class Bench:
    """A tree and all that it takes to build it, in one folder."""

    folder: Path
    real: Path
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 2

    @classmethod
    def make(cls, folder: Path, real: Path, home: Path, form: str = "3.14") -> Bench:
        """Lay everything out in *folder*, around the LLVM in *real*."""
        bench = cls(folder, real, home)
        trees.make(bench.tree, form)
        bench.write_cases(initial_cases(trees.cases_file(bench.tree)))
        compilers.make_prefix(bench.prefix, real)
        trees.copy_project(bench.project)
        return bench

    @property
    def tree(self) -> Path:
        """The tree that is built."""
        return self.folder / "tree"

    @property
    def prefix(self) -> Path:
        """The LLVM that is used."""
        return self.folder / "llvm"

    @property
    def project(self) -> Path:
        """The copy of this project that does the building."""
        return self.folder / "project"

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    @property
    def cache(self) -> Path:
        """The cache."""
        return self.folder / "cache"

    def write_cases(self, cases: Mapping[str, str]) -> None:
        """Write the cases file."""
        trees.cases_file(self.tree).write_text(cases_text(cases), encoding="utf-8")

    def cases(self) -> dict[str, str]:
        """The bodies of all cases by name."""
        text = trees.cases_file(self.tree).read_text(encoding="utf-8")
        return {match[1]: match[2] for match in _CASE.finditer(text)}

    def using(self, jobs: int | None = None, environ: Mapping[str, str] | None = None, **variables: str) -> Bench:
        """The same with other variables for scons."""
        return replace(
            self,
            jobs=self.jobs if jobs is None else jobs,
            variables={**self.variables, **variables},
            environ={**self.environ, **(environ or {})},
        )

    def scons(self, notes: Path | None = None) -> Scons:
        """Scons on the tree."""
        said = {"cpython": self.tree, "llvm": self.prefix, "cache": self.cache, "out": self.out}
        environ = {**self.environ, **({NOTES: str(notes)} if notes else {})}
        return Scons(self.home, self.project, {**said, **self.variables}, environ, self.jobs)

    def build(self, *arguments: str, name: str = "build", **variables: str) -> Built:
        """Build the tree; *name* keeps apart the notes of builds at the same time."""
        notes = Notes(self.folder / "notes" / name)
        notes.folder.mkdir(parents=True, exist_ok=True)
        notes.forget()
        done = self.scons(notes.folder)("-Q", *arguments, **variables)
        out = Path(variables.get("out") or self.variables.get("out") or self.out)
        return Built(done, notes.compiled(), texts(out))

    def ok(self, *arguments: str, **variables: str) -> Built:
        """Build the tree, which has to work."""
        built = self.build(*arguments, **variables)
        assert built.done.status == 0, built.done.output
        assert not built.has_traceback, built.done.output
        return built

    def clean(self, **variables: str) -> Built:
        """Build in another folder from nothing, every uop alone and without the cache."""
        out = self.folder / "clean"
        shutil.rmtree(out, ignore_errors=True)
        return self.build(name="clean", **{"out": str(out), "cache": "off", "shards": "off", **variables})

    def inputs(self, *more: str) -> str:
        """A digest of everything that a header depends on: the tree, the compiler, the tool, and *more*."""
        hasher = hashlib.sha256(repr(more).encode())
        paths = [self.prefix / "bin" / "clang"]
        for root in (self.tree, self.project / "site_scons"):
            for folder, folders, names in os.walk(root):
                folders.sort()
                paths += [Path(folder, name) for name in sorted(names)]
        for path in paths:
            content = path.read_bytes()
            hasher.update(f"{path.relative_to(self.folder)} {len(content)}\n".encode() + content)
        return hasher.hexdigest()

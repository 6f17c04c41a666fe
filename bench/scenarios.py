"""The scenarios: what is done to a private copy of a tree before each build, and what the build must say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench import bare_clang, edits, headers, synthetic
from bench.contenders import Built, Copypatch, Counts, Generator, Ninja
from bench.processes import BenchError, Sample
from bench.results import Row
from bench.watched_llvm import Process, WatchedLLVM

GENERATOR = "generator"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the user asked for, and a folder to work in; *tools* is the Tools/jit that the tree is to have."""

    cpython: Path
    pyconfig: Path
    llvm: Path
    tools: Path
    debug: bool
    jobs: int
    synthetic_uops: int
    folder: Path


class Skipped(Exception):
    """A scenario that cannot be measured here; the text says why."""


def _expect(built: Built, *, compiled: int, what: str) -> None:
    if built.counts.compiled != compiled:
        raise BenchError(f"{what}: {compiled} uops should have been compiled, but: {built.counts}")


class Tree:
    """A private copy of the CPython tree, with an output folder for either side; edits add up in it."""

    def __init__(self, setting: Setting) -> None:
        self.root = setting.folder / "tree"
        skip = shutil.ignore_patterns("__pycache__")
        for part in ("Include", "Python"):
            shutil.copytree(setting.cpython / part, self.root / part, ignore=skip)
        shutil.copytree(setting.tools, self.root / "Tools" / "jit", ignore=skip)
        self.cases = self.root / "Python" / "executor_cases.c.h"
        pyconfig = setting.folder / "pyconfig"
        pyconfig.mkdir()
        shutil.copy2(setting.pyconfig / "pyconfig.h", pyconfig)
        home = setting.folder / "home"
        self.generator = Generator(
            self.root, pyconfig, setting.llvm, setting.folder / "theirs", home, setting.debug
        )
        variables: dict[str, str | Path] = {"cpython": self.root, "pyconfig": pyconfig, "llvm": setting.llvm}
        if setting.debug:
            variables["debug"] = "1"
        out, cache = setting.folder / "ours", setting.folder / "cache"
        self.ours = Copypatch(out, cache, home, variables, setting.jobs)
        self._settled = False

    @cached_property
    def whole(self) -> bool:
        """Whether every uop's source holds all cases (3.13), so that an edit of one is an edit of all."""
        return "executor_cases.c.h" in (self.root / "Tools/jit/template.c").read_text(encoding="utf-8")

    def settle(self) -> None:
        """Bring both sides up to date once, unmeasured; afterwards every scenario leaves them so."""
        if not self._settled:
            self.generator.build()
            self.ours.build()
            self._settled = True

    def check(self) -> None:
        """Check that our headers are the generator's. Raises BenchError."""
        headers.check_equal(self.ours.out, self.generator.out)


Round = Callable[[int, Row], None]


def _alternate(number: int, row: Row, theirs: Callable[[], Sample], ours: Callable[[], Built]) -> Counts:
    """Measure both sides, in turns the one and the other first; return our counts."""
    if number % 2:
        row.reference.append(theirs())
        built = ours()
    else:
        built = ours()
        row.reference.append(theirs())
    row.ours.append(built.finished.sample)
    return built.counts


class CPythonScenarios:
    """The scenarios on the CPython tree."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._setting)

    def _both(self, number: int, row: Row, *, force: bool = False) -> Counts:
        tree = self._tree
        counts = _alternate(number, row, lambda: tree.generator.build(force=force).sample, tree.ours.build)
        tree.check()
        row.notes.append(f"{counts.compiled} of {counts.total} compiled")
        return counts

    def clean(self, number: int, row: Row) -> None:
        """Both output folders and our cache are empty."""
        tree = self._tree
        tree.generator.clear()
        tree.ours.clear(cache=True)
        counts = self._both(number, row)
        _require(counts.compiled == counts.total, "clean", counts)

    def nothing(self, number: int, row: Row) -> None:
        """Nothing has changed since the last build."""
        self._tree.settle()
        counts = self._both(number, row)
        _require(counts.fresh == counts.total, "nothing", counts)

    def one(self, number: int, row: Row) -> None:
        """One uop's case was edited."""
        tree = self._tree
        tree.settle()
        edits.edit_case(tree.cases, number)
        counts = self._both(number, row)
        # In 3.13 the entry group is the only one that does not hold all cases.
        expected = counts.total - 1 if tree.whole else 1
        _require(counts.compiled == expected, "one", counts)

    def comment(self, number: int, row: Row) -> None:
        """A comment in a header that every uop includes was edited."""
        tree = self._tree
        tree.settle()
        edits.comment_in_header(tree.root, number)
        row.notes.append("the generator does not look at headers")
        counts = self._both(number, row)
        _require(counts.compiled == 0, "comment", counts)

    def header(self, number: int, row: Row) -> None:
        """A header was edited so that every uop is stale; the generator has to be forced to notice."""
        tree = self._tree
        tree.settle()
        edits.new_field(tree.root, number)
        counts = self._both(number, row, force=True)
        _require(counts.compiled == counts.total, "header", counts)

    def warm(self, _number: int, row: Row) -> None:
        """The output folder is empty, but the cache has everything (the generator has none: see clean)."""
        tree = self._tree
        if not tree.ours.has_cache:
            raise Skipped("scons has no variable cache=")
        tree.settle()
        tree.ours.clear(cache=False)
        built = tree.ours.build()
        row.ours.append(built.finished.sample)
        tree.check()
        row.notes.append(f"{built.counts.restored} of {built.counts.total} restored")
        _require(built.counts.restored == built.counts.total, "warm", built.counts)


class NinjaScenarios:
    """The same edits, built by ninja; scons, unmeasured, says whether the headers are right."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    @cached_property
    def _tree(self) -> tuple[Tree, Ninja]:
        setting = replace(self._setting, folder=self._setting.folder / "ninja")
        tree = Tree(setting)
        ninja = Ninja(tree.ours, setting.folder / "out")
        ninja.set_up()
        return tree, ninja

    def _build(self, row: Row, compiled: int | None) -> None:
        tree, ninja = self._tree
        finished, made = ninja.build()
        row.ours.append(finished.sample)
        total = tree.ours.build().counts.total
        headers.check_equal(ninja.out, tree.ours.out)
        row.notes.append(f"{made} of {total} compiled")
        if made != (total if compiled is None else compiled):
            raise BenchError(f"{row.name}: ninja compiled {made} of {total} uops")

    def nothing(self, _number: int, row: Row) -> None:
        """By ninja: nothing has changed since the last build."""
        self._build(row, 0)

    def one(self, number: int, row: Row) -> None:
        """By ninja: one uop's case was edited."""
        tree, _ = self._tree
        edits.edit_case(tree.cases, number)
        self._build(row, None if tree.whole else 1)

    def comment(self, number: int, row: Row) -> None:
        """By ninja: a comment in a header that every uop includes was edited."""
        edits.comment_in_header(self._tree[0].root, number)
        self._build(row, 0)

    def header(self, number: int, row: Row) -> None:
        """By ninja: a header was edited so that every uop is stale."""
        edits.new_field(self._tree[0].root, number)
        self._build(row, None)


def _require(holds: bool, what: str, counts: Counts) -> None:
    if not holds:
        raise BenchError(f"{what}: this is not what the closing line should say: {counts}")


class SyntheticScenarios:
    """The scenarios on many synthetic uops, which have no other generator."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._first = ""

    @cached_property
    def _project(self) -> tuple[Copypatch, Path]:
        setting = self._setting
        folder = setting.folder / "synthetic"
        shutil.rmtree(folder, ignore_errors=True)  # of a first build that failed
        cases = synthetic.make_project(folder / "project", setting.synthetic_uops)
        ours = Copypatch(
            folder / "out",
            folder / "cache",
            setting.folder / "home",
            {"llvm": setting.llvm},
            setting.jobs,
            project=folder / "project",
        )
        first = ours.build().finished.sample
        self._first = f"the first build took {first.wall:.0f} s, {first.cpu:.0f} s CPU, {first.peak / 1e6:.0f} MB"
        return ours, cases

    def _build(self, row: Row, compiled: int) -> None:
        ours, _ = self._project
        built = ours.build()
        _expect(built, compiled=compiled, what=row.name)
        headers.check_emits(ours.out, built.counts.total)
        row.ours.append(built.finished.sample)
        row.notes += [f"{built.counts.compiled} of {built.counts.total} compiled", self._first]

    def nothing(self, _number: int, row: Row) -> None:
        """Many synthetic uops (--uops), of which none has changed."""
        self._build(row, 0)

    def one(self, number: int, row: Row) -> None:
        """The same, of which one was edited."""
        edits.edit_case(self._project[1], number)
        self._build(row, 1)


class CompileStep:
    """The CPU time of our compile step, against that of one bare clang over the same sources."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    @cached_property
    def _build(self) -> tuple[Copypatch, WatchedLLVM]:
        setting = self._setting
        watched = WatchedLLVM.make(setting.folder / "watched-llvm", setting.llvm)
        variables: dict[str, str | Path] = {
            "cpython": setting.cpython,
            "pyconfig": setting.pyconfig,
            "llvm": watched.prefix,
            "debug": str(int(setting.debug)),
        }
        folder = setting.folder / "cc1"
        return Copypatch(folder / "out", folder / "cache", folder / "home", variables, setting.jobs), watched

    def cc1(self, _number: int, row: Row) -> None:
        """All processes of our compile step in a clean build, against one bare `clang -cc1`."""
        if (self._setting.tools / "_optimizers.py").exists():
            raise Skipped("from 3.15 on an object is not the compiler's work alone: see clean")
        ours, watched = self._build
        ours.clear(cache=True)
        watched.processes()
        built = ours.build("--debug=time")
        _expect(built, compiled=built.counts.total, what="cc1")
        processes = watched.processes()
        steps = [process for process in processes if process.compiles]
        (objects,) = ours.out.glob("uops/*/obj")
        seconds = re.findall(r"^Command execution time: .*/obj/\S+: ([\d.]+) seconds$", built.finished.output, re.M)
        row.ours.append(
            Sample(
                sum(map(float, seconds)),
                sum(process.cpu for process in steps),
                max(process.peak for process in steps),
            )
        )
        clang = self._setting.llvm / "bin" / "clang"
        row.reference.append(bare_clang.measure(clang, processes, objects, self._setting.folder / "bare"))
        shards = sum(process.cpu for process in steps if process.kind == "clang: a shard")
        row.notes.append(f"of the CPU time {shards / row.ours[-1].cpu:.0%} in {_shards(steps)} shards")


def _shards(steps: Sequence[Process]) -> int:
    return sum(process.kind == "clang: a shard" for process in steps)


def scenarios(setting: Setting) -> Mapping[str, tuple[Round, str]]:
    """Return all scenarios by name: what measures a round of it, and what it is compared with."""
    tree, large, step = CPythonScenarios(setting), SyntheticScenarios(setting), CompileStep(setting)
    ninja = NinjaScenarios(setting)
    return {
        "clean": (tree.clean, GENERATOR),
        "nothing": (tree.nothing, GENERATOR),
        "one": (tree.one, GENERATOR),
        "comment": (tree.comment, GENERATOR),
        "header": (tree.header, GENERATOR),
        "warm": (tree.warm, ""),
        "ninja-nothing": (ninja.nothing, ""),
        "ninja-one": (ninja.one, ""),
        "ninja-comment": (ninja.comment, ""),
        "ninja-header": (ninja.header, ""),
        "synthetic-nothing": (large.nothing, ""),
        "synthetic-one": (large.one, ""),
        "cc1": (step.cc1, "bare clang -cc1"),
    }


NAMES = (
    "clean",
    "nothing",
    "one",
    "comment",
    "header",
    "warm",
    "ninja-nothing",
    "ninja-one",
    "ninja-comment",
    "ninja-header",
    "synthetic-nothing",
    "synthetic-one",
    "cc1",
)

"""`python -m bench.profile`: where the time of our builds goes.

SCons says itself how long reading and each action took (`--debug=time`); LLVM's processes are counted by a prefix
that takes notes; `--functions` adds Python's own profile of a third build (`scons --profile`).
"""

from __future__ import annotations

import argparse
import pstats
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import edits, synthetic
from bench.__main__ import arguments, setting
from bench.contenders import Built, Copypatch
from bench.processes import environment, run
from bench.scenarios import Setting, Tree
from bench.watched_llvm import Process, WatchedLLVM

_ACTION = re.compile(r"^Command execution time: (\S+): ([\d.]+) seconds$", re.MULTILINE)
_TOTAL = re.compile(r"^Total (.+) time: ([\d.]+) seconds$", re.MULTILINE)
# What an action makes, by the folder of its first target.
_STEPS = {
    "src": "writing C sources, precompiling",
    "obj": "compiling",
    "json": "reading objects",
    "dis": "reading objects",
    "holes": "making holes files",
    "fragments": "writing fragments",
}


def _steps(output: str) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for target, time in _ACTION.findall(output):
        step = _STEPS.get(Path(target).parent.name, "writing headers")
        seconds[step] = seconds.get(step, 0.0) + float(time)
    return seconds


def _report(built: Built, start: float) -> list[tuple[str, float]]:
    """Take a build's wall time apart; *start* is what starting SCons takes. Steps side by side count twice."""
    totals = {name: float(time) for name, time in _TOTAL.findall(built.finished.output)}
    steps = _steps(built.finished.output)
    reading = totals.get("SConscript file execution", 0.0)
    parts = [("starting python and SCons", start), ("reading: plans, keys, nodes", reading)]
    parts += [(f"step: {name}", time) for name, time in steps.items()]
    # Not SCons's own total of the actions: with several jobs that is the time from the first to the last of them.
    rest = built.finished.sample.wall - start - reading - sum(steps.values())
    return [*parts, ("SCons: deciding, signatures, the rest", rest), ("all", built.finished.sample.wall)]


def _process_lines(processes: Sequence[Process]) -> list[str]:
    kinds: dict[str, list[Process]] = {}
    for process in processes:
        kinds.setdefault(process.kind, []).append(process)
    return [
        f"  {kind:<34} {len(group):>5}  {sum(p.wall for p in group):8.3f}  {sum(p.cpu for p in group):8.3f}"
        for kind, group in sorted(kinds.items())
    ]


def _functions(ours: Copypatch, stats: Path, count: int) -> None:
    # One job: only then do SCons's actions run in the thread that is profiled.
    ours.build("-j1", f"--profile={stats}")
    print(f"\nfunctions by own time (all in one thread), first {count}:")
    pstats.Stats(str(stats)).sort_stats("tottime").print_stats(count)
    print(f"functions by time with all that they call, first {count}:")
    pstats.Stats(str(stats)).sort_stats("cumulative").print_stats(count)


def _subject(options: argparse.Namespace, asked: Setting, llvm: Path) -> tuple[Copypatch, Path]:
    """Return what builds, with *llvm*, and the cases file that it builds from."""
    if not options.synthetic:
        tree = Tree(asked)
        variables = {**tree.ours.variables, "llvm": llvm}
        return Copypatch(tree.ours.out, tree.ours.cache, tree.ours.home, variables, asked.jobs), tree.cases
    folder = asked.folder
    cases = synthetic.make_project(folder / "project", options.uops)
    out, cache, home = (folder / name for name in ("out", "cache", "home"))
    return Copypatch(out, cache, home, {"llvm": llvm}, asked.jobs, project=folder / "project"), cases


def _preparations(ours: Copypatch, cases: Path) -> Mapping[str, Callable[[int], object]]:
    return {
        "clean": lambda number: ours.clear(cache=True),
        "nothing": lambda number: None,
        "one": lambda number: edits.edit_case(cases, number),
        "warm": lambda number: ours.clear(cache=False),
    }


def _profile(options: argparse.Namespace, folder: Path) -> None:
    asked = setting(options, folder)
    watched = WatchedLLVM.make(folder / "watched-llvm", asked.llvm)
    plain, cases = _subject(options, asked, asked.llvm)
    prepare = _preparations(plain, cases)[options.build]
    if options.build != "clean":
        plain.build()
    prepare(1)
    version = run([*plain.command()[:1], "--version"], plain.project, environment(plain.home))
    built = plain.build("--debug=time")
    print(f"{options.build}: {built.counts}; peak {built.finished.sample.peak / 1e6:.0f} MB\n")
    for name, seconds in _report(built, version.sample.wall):
        print(f"  {name:<40} {seconds:8.3f} s")
    # Another compiler means other keys, so everything is built anew with it first.
    noted = Copypatch(
        folder / "noted",
        folder / "noted-cache",
        plain.home,
        {**plain.variables, "llvm": watched.prefix},
        asked.jobs,
        project=plain.project,
    )
    prepare = _preparations(noted, cases)[options.build]
    if options.build != "clean":
        noted.build()
    watched.processes()
    prepare(2)
    noted.build()
    print(f"\n  {'LLVM processes':<34} {'count':>5}  {'wall s':>8}  {'CPU s':>8}")
    print("\n".join(_process_lines(watched.processes())))
    if options.functions:
        plain.build()
        _preparations(plain, cases)[options.build](3)
        _functions(plain, folder / "stats", options.functions)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    arguments(parser)
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="also the N dearest Python functions")
    parser.add_argument("--synthetic", action="store_true", help="build synthetic uops (--uops), not the tree's")
    parser.add_argument("build", choices=("clean", "nothing", "one", "warm"), help="which build to take apart")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="copypatch-profile-") as folder:
        _profile(options, Path(folder).resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())

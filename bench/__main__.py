"""`python -m bench`: measures copypatch against the tree's own generator, alternating, and prints a table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench import machine, results
from bench.processes import BenchError
from bench.results import Row
from bench.scenarios import NAMES, Setting, Skipped, scenarios


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is built, and with what."""
    parser.add_argument(
        "--cpython", type=Path, required=True, help="a CPython source tree; it is copied, not edited"
    )
    parser.add_argument("--pyconfig", type=Path, help="the folder of its pyconfig.h (default: the tree)")
    parser.add_argument("--llvm", type=Path, required=True, help="the LLVM installation that both sides use")
    parser.add_argument(
        "--tools", type=Path, help="a Tools/jit to put into the copy, for a tree without one (or for another one)"
    )
    parser.add_argument("--debug", action="store_true", help="stencils for a debug build of Python")
    parser.add_argument("--jobs", type=int, default=2, help="scons -jN (default: 2)")
    parser.add_argument("--uops", type=int, default=5000, help="how many synthetic uops (default: 5000)")


def setting(options: argparse.Namespace, folder: Path) -> Setting:
    """Return what was asked for; *folder* is where to work."""
    tree = options.cpython.resolve()
    return Setting(
        cpython=tree,
        pyconfig=(options.pyconfig or tree).resolve(),
        llvm=options.llvm.resolve(),
        tools=(options.tools or tree / "Tools" / "jit").resolve(),
        debug=options.debug,
        jobs=options.jobs,
        synthetic_uops=options.uops,
        folder=folder,
    )


def _measure(options: argparse.Namespace, folder: Path) -> list[Row]:
    rounds = scenarios(setting(options, folder))
    chosen = {name: rounds[name] for name in options.scenario or NAMES}
    rows = {name: Row(name, (act.__doc__ or "").strip(), against) for name, (act, against) in chosen.items()}
    # Round by round, so that a slow minute of the machine falls on all scenarios alike.
    for number in range(1, options.rounds + 1):
        for name, (act, _) in chosen.items():
            if rows[name].skipped or rows[name].failed:
                continue
            print(f"round {number} of {options.rounds}: {name} ...", file=sys.stderr, flush=True)
            try:
                act(number, rows[name])
            except Skipped as reason:
                rows[name].skipped = str(reason)
            except BenchError as error:
                # What the others have cost so far is worth keeping.
                rows[name].failed = str(error)
                print(f"bench: {name}: {error}", file=sys.stderr)
    return list(rows.values())


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments(parser)
    parser.add_argument("--rounds", type=int, default=3, help="how often each scenario is measured (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured to FILE")
    parser.add_argument("scenario", nargs="*", metavar="scenario", help=f"some of: {', '.join(NAMES)}")
    options = parser.parse_args()
    for name in options.scenario:
        if name not in NAMES:
            parser.error(f"no scenario {name!r}; there are {', '.join(NAMES)}")
    facts = machine.describe(options.llvm, options.cpython)
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    with tempfile.TemporaryDirectory(prefix="copypatch-bench-") as folder:
        rows = _measure(options, Path(os.path.realpath(folder)))
    facts["load at the end"] = machine.load()
    print(f"median (minimum-maximum) of {options.rounds} rounds; load at the end {facts['load at the end']}\n")
    print(results.table(rows))
    for row in rows:
        print(f"\n{row.name}: {row.meaning}", end="")
    print()
    if options.json:
        results.write_json(options.json, facts, rows)
    return 1 if any(row.failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

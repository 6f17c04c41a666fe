"""Shards: many sources in one clang process, each with an object of its own.

``clang -cc1`` takes any number of sources and makes a module of each, so a uop's bytes do not depend on what
else is in its shard. Its options are no stable interface: the line is derived from what this very clang prints
for one uop, and the first objects made this way are compared with the driver's.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copypatch import records
from copypatch.dialects import Step
from copypatch.files import digest
from copypatch.process import Runner

# Below this, starting one driver per uop in parallel is as quick, and its messages need no sorting.
FEWEST = 3


@dataclass(frozen=True, slots=True)
class ShardLine:
    """A ``clang -cc1`` command to which any number of sources can be appended."""

    arguments: tuple[str, ...]


def derive(command: Sequence[str], source: str, output: str, folder: Path, runner: Runner) -> ShardLine | str:
    """Return the shard line behind a driver command that compiles *source* to *output*, or why there is none."""
    result = runner.run([command[0], "-###", *command[1:]], cwd=folder)
    # The driver prints the commands it would run on lines that start with a blank and a quote.
    jobs = [line for line in result.stderr.splitlines() if line.lstrip().startswith('"')]
    if result.status or len(jobs) != 1:
        return f"the driver would run {len(jobs)} commands"
    try:
        words = shlex.split(jobs[0])
    except ValueError as error:
        return f"the driver's command cannot be read ({error})"
    if "-cc1" not in words or words[-1] != source:
        return "the driver's command is no clang -cc1 that ends with the source"
    kept: list[str] = []
    dropped: dict[str, str] = {}
    rest = iter(words[:-1])
    for word in rest:
        if word in ("-o", "-main-file-name"):
            dropped[word] = next(rest, "")
        else:
            kept.append(word)
    if dropped.get("-o") != output or dropped.get("-main-file-name") != Path(source).name:
        return "the driver's command does not name its output as expected"
    # The driver names the program behind the one that the user chose, which may be a wrapper.
    return ShardLine((command[0], *kept[1:]))


# A process that is killed takes its unfinished shard with it, so a large one is dealt in several rounds. A
# process start is some milliseconds, as much as one uop.
MOST = 64


def deal(costs: Mapping[str, int], hands: int) -> list[list[str]]:
    """Deal uops to shards, a multiple of *hands*, so that they end together.

    The dearest come first, each to the cheapest shard. No shard has more than about MOST uops.
    """
    rounds = -(-len(costs) // (hands * MOST))
    shards: list[list[str]] = [[] for _ in range(min(hands * rounds, len(costs)))]
    loads = [0] * len(shards)
    for opname in sorted(costs, key=lambda name: (-costs[name], name)):
        cheapest = loads.index(min(loads))
        shards[cheapest].append(opname)
        loads[cheapest] += costs[opname]
    return shards


def proof_subject(identity: str, command: Sequence[str], steps: Sequence[Step]) -> str:
    """Return what a proof is about: this compiler, with these flags, in these steps."""
    flags = [" ".join(step.flags) for step in steps]
    return digest("\0".join([identity, *command, *flags]))


class Proofs:
    """Remembers which compilers and flags were tried in shards, and what came of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            loaded = records.load(path)
            self._verdicts = {str(key): str(value) for key, value in loaded.items()}
        except (OSError, ValueError, AttributeError, RecursionError):
            self._verdicts = {}

    def verdict(self, subject: str) -> str | None:
        """Return "" where shards are proved, the reason where they are refuted, None where it is unknown."""
        return self._verdicts.get(subject)

    def record(self, subject: str, reason: str) -> None:
        """Remember a verdict: "" for proved. Raises OutputError."""
        self._verdicts[subject] = reason
        records.save(self._path, self._verdicts)

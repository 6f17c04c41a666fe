"""The floor of the compile step: one bare ``clang -cc1`` over all sources, without any build system.

Its line and sources are those of the shards that a build of ours ran, so both do the same work.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BenchError, Sample, environment, run
from bench.watched_llvm import Process


@dataclass(frozen=True, slots=True)
class _Line:
    """A -cc1 command without its sources."""

    arguments: tuple[str, ...]
    folder: Path


def _merge(shards: Sequence[Process]) -> dict[_Line, list[str]]:
    """Put the sources of all shards of one line together: one line for each step between C and object."""
    lines: dict[_Line, list[str]] = {}
    for shard in shards:
        end = len(shard.words)
        # The sources are last, and are the only words that begin like a relative path.
        while end and shard.words[end - 1].startswith("./"):
            end -= 1
        lines.setdefault(_Line(shard.words[:end], shard.folder), []).extend(shard.words[end:])
    return lines


def measure(clang: Path, processes: Sequence[Process], objects: Path, scratch: Path) -> Sample:
    """Run one clang per step over the sources of all shards among *processes*, in copies of their folders.

    Raises BenchError when there was no shard, or an object differs from the one in *objects*.
    """
    shards = [process for process in processes if process.kind == "clang: a shard"]
    if not shards:
        raise BenchError("the build had no shards, so there is no line to compare with")
    wall = cpu = 0.0
    peak = 0
    for line, sources in _merge(shards).items():
        folder = scratch / line.folder.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for source in sources:
            shutil.copy2(line.folder / source, folder / source)
        sample = run([str(clang), *line.arguments, *sources], folder, environment(scratch)).sample
        wall, cpu, peak = wall + sample.wall, cpu + sample.cpu, max(peak, sample.peak)
        for made in folder.glob("*.o"):
            if made.read_bytes() != (objects / made.name).read_bytes():
                raise BenchError(f"{made.name} of the bare clang differs from the build's")
    return Sample(wall, cpu, peak)

"""Where a build's time goes: what ran when, for a trace in a browser and for the report.

Recording costs a clock and an append. What the events mean (which uops a process worked on, say) is told from its
command line, and only when somebody looks.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

STEP, PROCESS, CACHE, UOP = "step", "process", "cache", "uop"
# Beside a plan's artefacts: what is compiled only to be compared with them.
CHECK_FOLDER = "check"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that ran: *start* and *duration* in ns, *start* since the epoch; *lane* tells threads apart.

    *uops* are those that it was about, in the order in which they were worked on.
    """

    name: str
    category: str
    start: int
    duration: int
    lane: int
    uops: tuple[str, ...] = ()
    plan: str = ""

    @property
    def end(self) -> int:
        """When it ended, in ns since the epoch."""
        return self.start + self.duration


@dataclass
class Timeline:
    """Collects what ran; threads share it."""

    _events: list[tuple[str, str, int, int, int, Sequence[str], str]] = field(default_factory=list)
    _commands: list[tuple[Sequence[str], int, int, int]] = field(default_factory=list)
    _running: dict[int, Sequence[str]] = field(default_factory=dict)
    # Clocks that people set are not for durations; this is what makes one the other.
    _epoch: int = field(default_factory=lambda: time.time_ns() - time.perf_counter_ns())

    @contextmanager
    def span(self, name: str, category: str, uops: Sequence[str] = (), plan: str = "") -> Iterator[None]:
        """Record how long the block takes."""
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            end = time.perf_counter_ns()
            self._events.append((name, category, start, end - start, threading.get_ident(), uops, plan))

    @contextmanager
    def process(self, command: Sequence[str]) -> Iterator[None]:
        """Record how long a process takes."""
        start = time.perf_counter_ns()
        self._running[threading.get_ident()] = command
        try:
            yield
        finally:
            self._running.pop(threading.get_ident(), None)
            self._commands.append((command, start, time.perf_counter_ns() - start, threading.get_ident()))

    def running(self) -> list[Sequence[str]]:
        """Return the commands of the processes that run now."""
        return list(self._running.values())

    def events(self) -> list[Event]:
        """Return all that ran so far, in order of time."""
        lanes: dict[int, int] = {}
        found = []
        for name, category, start, duration, thread, uops, plan in self._events:
            lane = lanes.setdefault(thread, len(lanes))
            found.append(Event(name, category, start + self._epoch, duration, lane, tuple(uops), plan))
        for command, start, duration, thread in self._commands:
            lane = lanes.setdefault(thread, len(lanes))
            uops, name = worked_on(command), process_name(command)
            found.append(Event(name, PROCESS, start + self._epoch, duration, lane, uops))
        return sorted(found, key=lambda event: (event.start, -event.duration))


_INPUTS = (".c", ".ll", ".o")


def worked_on(command: Sequence[str]) -> tuple[str, ...]:
    """Return the uops whose files a command reads, in its order; none for the preprocessor, which reads all."""
    if "-E" in command:
        return ()
    # What precedes is an option's value: `-o x.o`, `-main-file-name x.c`.
    options = ("-o", "-main-file-name", "-MF", "-MT")
    return tuple(
        Path(word).stem
        for before, word in pairwise(command)
        if word.endswith(_INPUTS) and not word.startswith("-") and before not in options
    )


def process_name(command: Sequence[str]) -> str:
    """Return what a command is, in a few words."""
    tool = Path(command[0]).name
    if "-cc1" in command:
        return f"{tool} (shard)"
    # The output alone tells: any folder above it may have the same name.
    if "-o" in command and Path(command[command.index("-o") + 1]).parts[-3:-2] == (CHECK_FOLDER,):
        return f"{tool} (proof of the shards)"
    for option, what in (("-E", "preprocessor"), ("c-header", "precompile"), ("-###", "derive the shard line")):
        if option in command:
            return f"{tool} ({what})"
    return tool


def split_shard(event: Event, finished: Sequence[tuple[str, int]]) -> list[Event]:
    """Cut a shard's process into its uops: each ended when its object was *finished* (ns since the epoch).

    Their times are as fine as those of the file system, a few milliseconds. Objects that were not finished while
    the process ran are left out.
    """
    parts = []
    start = event.start
    within = [(name, end) for name, end in finished if event.start <= end <= event.end]
    for name, end in sorted(within, key=lambda item: item[1]):
        parts.append(Event(name, UOP, start, max(0, end - start), event.lane, (name,), event.plan))
        start = max(start, end)
    return parts


def chrome_trace(events: Sequence[Event]) -> str:
    """Return events in Chrome's trace format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

    Times are in microseconds since the first event.
    """
    origin = min((event.start for event in events), default=0)
    shards = 0
    lines = []
    for lane in sorted({event.lane for event in events}):
        name = "build" if lane == 0 else f"worker {lane}"
        lines.append({"name": "thread_name", "ph": "M", "pid": 1, "tid": lane, "args": {"name": name}})
    for event in events:
        arguments: dict[str, object] = {"cached": event.category == CACHE}
        if event.uops:
            arguments |= {"uops": len(event.uops), "uop": " ".join(event.uops)}
        if event.plan:
            arguments["target"] = event.plan
        if event.category == PROCESS and event.name.endswith("(shard)"):
            shards += 1
            arguments["shard"] = shards
        lines.append(
            {
                "name": event.name,
                "cat": event.category,
                "ph": "X",
                "ts": (event.start - origin) / 1000,
                "dur": event.duration / 1000,
                "pid": 1,
                "tid": event.lane,
                "args": arguments,
            }
        )
    joined = ",\n".join(json.dumps(line) for line in lines)
    return f'{{"displayTimeUnit": "ms", "traceEvents": [\n{joined}\n]}}\n'

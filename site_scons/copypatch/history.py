"""What is remembered of the builds of an output folder: the timeline of the last, and how each uop was made.

Nothing depends on it: a file that is missing or damaged means that the reports have less to tell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from copypatch import records
from copypatch.errors import OutputError
from copypatch.plan import Plan
from copypatch.report import Report
from copypatch.session import Session
from copypatch.timeline import PROCESS, STEP, UOP, Event, split_shard

FORMAT = 2
_EVENT = tuple(one.name for one in fields(Event))


@dataclass(frozen=True, slots=True)
class Made:
    """How a uop was made last: by what, why, and how many ms the compiler took for it (None: not known).

    *steps* are the ms of the other steps, which work on many uops at once: (name, ms in all, number of uops).
    """

    how: str
    why: str
    compile_ms: float | None = None
    steps: tuple[tuple[str, float, int], ...] = ()


@dataclass(frozen=True)
class History:
    """The events and the closing line of the last build that did anything; uops by plan and name."""

    events: tuple[Event, ...] = ()
    closing: str = ""
    uops: Mapping[str, Mapping[str, Made]] = field(default_factory=dict)


def path(out: Path) -> Path:
    """Return the file of an output folder."""
    return out / "uops" / "history.json"


def load(file: Path) -> History:
    """Return what a file says; an empty history where it cannot be read."""
    try:
        known = records.load(file)
        if known["format"] != FORMAT:
            return History()
        uops = {
            plan: {
                name: Made(how, why, compile_ms, tuple(tuple(step) for step in steps))
                for name, (how, why, compile_ms, steps) in made.items()
            }
            for plan, made in known["uops"].items()
        }
        events = tuple(Event(**{**one, "uops": tuple(one["uops"])}) for one in known["events"])
        return History(events, str(known["closing"]), uops)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return History()


def _uops(file: Path) -> dict[str, dict[str, object]]:
    """Return what a file says of uops, as it stands there: most of it is written again unread."""
    try:
        known = records.load(file)
        return {plan: dict(made) for plan, made in known["uops"].items()} if known["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def events_of(session: Session) -> list[Event]:
    """Return what ran in this build, with the uops of each shard."""
    events = session.context.runner.timeline.events()
    parts = []
    for event in events:
        if event.category == PROCESS and event.name.endswith("(shard)"):
            finished = [ended for plan in session.plans for ended in _finished(plan, event.uops)]
            parts += split_shard(event, finished)
    return sorted([*events, *parts], key=lambda event: (event.start, -event.duration))


def _finished(plan: Plan, opnames: Iterable[str]) -> list[tuple[str, int]]:
    found = []
    for opname in opnames:
        try:
            found.append((opname, plan.paths.object(opname).stat().st_mtime_ns))
        except OSError:
            continue
    return found


def made_now(report: Report, events: Iterable[Event]) -> dict[str, dict[str, Made]]:
    """Return how uops were made in this build, by plan and name."""
    found: dict[str, dict[str, Made]] = {}
    listed = list(events)
    took = {event.name: event.duration / 1e6 for event in listed if event.category == UOP}
    took |= {
        event.uops[0]: event.duration / 1e6
        for event in listed
        if event.category == PROCESS and re.fullmatch(r"clang(-[\d.]+)?", event.name) and len(event.uops) == 1
    }
    steps: dict[tuple[str, str], list[tuple[str, float, int]]] = defaultdict(list)
    for event in listed:
        if event.category == STEP:
            for opname in event.uops:
                steps[event.plan, opname].append((event.name, event.duration / 1e6, len(event.uops)))
    for how, made in (
        ("restored from the cache", report.restored),
        ("compiled in a shard", report.sharded),
        ("compiled alone", report.alone),
    ):
        for plan, opname in made - report.failed:
            why = report.reasons.get(plan, {}).get(opname) or report.restored_for.get((plan, opname), "")
            compiled = took.get(opname) if how.startswith("compiled") else None
            found.setdefault(plan, {})[opname] = Made(how, why, compiled, tuple(steps[plan, opname]))
    return found


def record(session: Session, closing: str) -> None:
    """Remember a build that did something. A folder that cannot be written costs the memory alone."""
    report = session.context.report
    if not (report.restored or report.sharded or report.alone):
        return
    events = events_of(session)
    uops = _uops(path(session.out))
    for plan, made in made_now(report, events).items():
        made_before = uops.setdefault(plan, {})
        made_before.update((name, [one.how, one.why, one.compile_ms, one.steps]) for name, one in made.items())
    known = {
        "format": FORMAT,
        "closing": closing,
        "events": [{name: getattr(event, name) for name in _EVENT} for event in events],
        "uops": uops,
    }
    try:
        records.save(path(session.out), known)
    except OutputError as error:
        report.console.warn(str(error))

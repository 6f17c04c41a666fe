"""What the page of `scons report` is made from: everything about a build, as records for JSON.

The table needs a few numbers of every uop; the rest is looked at one uop at a time, so it is kept apart and read
when the uop is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from copypatch import baseline, comparison, difference, history, show
from copypatch.baseline import Base
from copypatch.comparison import Comparison, Sizes, UopChange, sizes
from copypatch.history import Made
from copypatch.listing import Instruction, Listing, NamedHole
from copypatch.session import Header, Session
from copypatch.timeline import Event

Record = dict[str, Any]


@dataclass(frozen=True)
class PageData:
    """*overview* is one record; *details* has one for each target and uop, in the overview's order."""

    overview: Record
    details: Sequence[Sequence[Record]]


def collect(session: Session, base: Base | None) -> PageData:
    """Collect everything about a finished build. Raises MergeError, HeaderError, OSError."""
    events, closing, made = _build(session)
    targets, details = [], []
    for header in session.headers:
        name = header.plan.request.name
        target, uops = _target(session, header, base, made.get(name, {}))
        targets.append(target)
        details.append(uops)
    request = session.plans[0].request
    overview = {
        "tree": session.tree.version,
        "llvm": request.toolchain.version,
        "debug": request.debug,
        "cflags": request.cflags_text,
        "base": base.name if base is not None else None,
        "closing": closing,
        "targets": targets,
        "events": [_event(event, events[0].start) for event in events],
        "reasons": _reasons(session, made),
    }
    return PageData(overview, details)


def _build(session: Session) -> tuple[Sequence[Event], str, Mapping[str, Mapping[str, Made]]]:
    """Return the events and the closing line of the last build that did anything, and how all uops were made."""
    report = session.context.report
    before = history.load(history.path(session.out))
    events = history.events_of(session)
    now = history.made_now(report, events)
    made = {name: {**before.uops.get(name, {}), **now.get(name, {})} for name in {**before.uops, **now}}
    if now:
        return events, report.line(), made
    return before.events, before.closing, made


def _target(
    session: Session, header: Header, base: Base | None, made: Mapping[str, Made]
) -> tuple[Record, list[Record]]:
    name = header.plan.request.name
    after = baseline.listings_of(header.plan)
    before = {one.opname: one for one in base.listings[name]} if base is not None else {}
    compared = comparison.compare(before.values(), after) if base is not None else None
    changes = {one.opname: one for one in compared.changed} if compared is not None else {}
    uops, details = [], []
    for listing in after:
        opname = listing.opname
        change = changes.get(opname)
        uops.append(_uop(listing, made.get(opname), change, compared))
        record = _details(session, header, listing, made.get(opname))
        if change is not None:
            record |= _changes(before[opname], listing, change)
        details.append(record)
    target = {
        "name": name,
        "triple": header.plan.request.target.triple,
        "header": header.plan.request.header.name,
        "totals": _sizes(sum(map(sizes, after), Sizes())),
        "before": _sizes(compared.before) if compared is not None else None,
        "summary": difference.summary(compared) if compared is not None else "",
        "removed": {gone: _sizes(counted) for gone, counted in compared.removed.items()} if compared else {},
        "uops": uops,
    }
    return target, details


def _sizes(counted: Sizes) -> list[int]:
    return [counted.code, counted.data, counted.instructions, counted.holes]


def _uop(listing: Listing, made: Made | None, change: UopChange | None, compared: Comparison | None) -> Record:
    record: Record = {
        "name": listing.opname,
        "sizes": _sizes(sizes(listing)),
        "how": made.how if made is not None else "up to date",
        "ms": made.compile_ms if made is not None else None,
    }
    if change is not None:
        record |= {"before": _sizes(change.before), "lines": change.lines, "what": difference.what_changed(change)}
    elif compared is not None and listing.opname in compared.added:
        record["added"] = True
    return record


def _details(session: Session, header: Header, listing: Listing, made: Made | None) -> Record:
    source = show.source_of(header, listing.opname)
    key = header.plan.fragment_key(listing.opname)
    return {
        "source": source.text,
        "place": source.place,
        "key": key.hexdigest() if key is not None else "",
        "origin": show.origin_of(header, listing.opname, made),
        "code": [_instruction(one) for one in listing.instructions],
        "data": listing.data.hex(),
        "holes": [_hole(hole) for hole in listing.holes if hole.part == "data"],
        "chain": _chain(session, header, listing.opname, made),
    }


def _changes(before: Listing, after: Listing, change: UopChange) -> Record:
    """What is different about a uop."""
    labels = difference.labels(before), difference.labels(after)
    rows = comparison.side_by_side(before, after)
    return {
        "difference": [
            [difference.instruction(row.before, labels[0]), difference.instruction(row.after, labels[1]), sign]
            for row, sign in zip(rows, map(difference.mark, rows), strict=True)
        ],
        "changes": {
            "added": [hole.call for hole in change.added],
            "removed": [hole.call for hole in change.removed],
            "changed": [[one.before.call, one.after.call] for one in change.changed],
            "data": before.data.hex() if change.data_differs else None,
        },
    }


def _instruction(one: Instruction) -> list[Any]:
    holes = [_hole(hole) for hole in one.holes]
    text = one.plain if one.target is None else one.text
    return [one.offset, one.encoding, " ".join(text.split()), one.target, int(one.dropped), holes]


def _hole(hole: NamedHole) -> Record:
    return {**difference.hole_record(hole), "value": hole.value}


# The nodes of a uop's chain: what each is, its folder and ending, and the step that makes it.
_CHAIN = (
    ("C source", "src", ".c", "write sources"),
    ("object", "obj", ".o", "compile"),
    ("sections", "json", ".json", "read objects"),
    ("disassembly", "dis", ".dis", "read objects"),
    ("holes file", "holes", ".holes.json", "make holes files"),
    ("fragment", "fragments", ".h", "write fragments"),
)


def _chain(session: Session, header: Header, opname: str, made: Made | None) -> list[Record]:
    """The files on the way to the header. What was restored from the cache has its fragment alone."""
    took = {name: (ms, count) for name, ms, count in made.steps} if made is not None else {}
    nodes = []
    for what, folder, suffix, step in _CHAIN:
        path = header.plan.paths.folder / folder / f"{opname}{suffix}"
        try:
            size = path.stat().st_size
        except OSError:
            continue
        ms, count = took.get(step, (None, 0))
        node: Record = {"what": what, "file": str(path.relative_to(session.out)), "size": size}
        if ms is not None:
            node |= {"step": step, "ms": round(ms, 2), "uops": count}
        if step == "compile" and made is not None and made.compile_ms is not None:
            node["own"] = round(made.compile_ms, 1)
        nodes.append(node)
    return nodes


def _event(event: Event, origin: int) -> list[Any]:
    return [
        event.name,
        event.category,
        round((event.start - origin) / 1e6, 3),
        round(event.duration / 1e6, 3),
        event.lane,
        len(event.uops),
        event.uops[0] if len(event.uops) == 1 else "",
        event.plan,
    ]


def _reasons(session: Session, made: Mapping[str, Mapping[str, Made]]) -> list[Record]:
    """Group the uops of this build's targets by why and how they were made last."""
    groups: dict[tuple[str, str], list[str]] = {}
    names = {plan.request.name for plan in session.plans}
    for plan, uops in made.items():
        if plan in names:
            for opname, one in uops.items():
                groups.setdefault((one.why or "asked for", one.how), []).append(opname)
    ordered: Iterable[tuple[tuple[str, str], list[str]]] = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [{"why": why, "how": how, "uops": sorted(set(uops))} for (why, how), uops in ordered]

"""One uop as text: its C, its machine code with every hole at its place, its data, and how it came to be."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copypatch import history
from copypatch.comparison import Sizes, sizes
from copypatch.console import Console
from copypatch.files import read_text
from copypatch.freshness import Verdict
from copypatch.history import Made
from copypatch.listing import Instruction, Listing
from copypatch.session import Header, Session


@dataclass(frozen=True, slots=True)
class Source:
    """The C text of a uop as the user wrote it, and where it stands."""

    text: str
    place: str


def source_of(header: Header, opname: str) -> Source:
    """Return a uop's C text; for the entry, its whole file. Raises OSError."""
    plan = header.plan
    sources = plan.request.tree.sources
    case = plan.texts.by_name.get(opname)
    if case is None:
        return Source(read_text(sources.entry), _within(sources.entry.as_posix(), sources.root.as_posix()))
    place = f"{_within(sources.cases.as_posix(), sources.root.as_posix())}:{case.line}"
    return Source(textwrap.dedent(f"        {case.text}").rstrip(), place)


def _within(path: str, root: str) -> str:
    return path.removeprefix(f"{root}/")


def origin(session: Session, header: Header, opname: str) -> str:
    """Say where a uop's stencils came from, and why."""
    plan = header.plan.request.name
    made = history.made_now(session.context.report, history.events_of(session)).get(plan, {}).get(opname)
    earlier = history.load(history.path(session.out)).uops.get(plan, {}).get(opname)
    return origin_of(header, opname, made or earlier)


def origin_of(header: Header, opname: str, made: Made | None) -> str:
    """Say the same of how a uop was *made* last, in this build or before, as far as that is remembered."""
    fresh = header.decisions[opname].verdict is Verdict.FRESH
    if made is None:
        return "up to date" if fresh else "made by this build"
    return f"{'up to date; last' if fresh else 'by this build'} {_made(made)}"


def _made(made: Made) -> str:
    took = f" in {made.compile_ms:.0f} ms" if made.compile_ms is not None else ""
    return f"{made.how}{took}{f': {made.why}' if made.why else ''}"


def uop(session: Session, header: Header, listing: Listing, console: Console) -> str:
    """Return everything about a uop of a finished build. Raises OSError."""
    counted = sizes(listing)
    key = header.plan.fragment_key(listing.opname)
    source = source_of(header, listing.opname)
    title = console.paint(f"{listing.opname}  {header.plan.request.name}", "bold")
    return "\n".join(
        [
            title,
            f"  {counted_text(counted)}",
            f"  {origin(session, header, listing.opname)}",
            f"  key {key.hexdigest() if key is not None else 'none: the preprocessor fails on it'}",
            "",
            console.paint(f"C  {source.place}", "bold"),
            textwrap.indent(source.text, "  "),
            "",
            console.paint("code", "bold"),
            *_code(listing.instructions, console),
            *_data(listing, console),
        ]
    )


def counted_text(counted: Sizes) -> str:
    """Say the sizes of a uop."""
    return (
        f"{counted.code} bytes of code, {counted.data} of data, {counted.instructions} instructions, "
        f"{counted.holes} holes"
    )


def _code(instructions: Sequence[Instruction], console: Console) -> Iterator[str]:
    targets = {one.target for one in instructions}
    for one in instructions:
        mark = ">" if one.offset in targets else " "
        text = f"{mark} {one.offset:4x}: {_spaced(one.encoding):<30} {' '.join(one.text.split())}"
        if one.dropped:
            yield console.paint(f"{text}    (not copied: the next uop follows)", "dim")
            continue
        yield text
        for hole in one.holes:
            kind = f"   {hole.kind}" if hole.kind else ""
            yield console.paint(f"{'':>8}^ {hole.call}{kind}", "cyan")


def _spaced(encoding: str) -> str:
    return " ".join(textwrap.wrap(encoding, 2))


_ROW = 16


def _data(listing: Listing, console: Console) -> Iterator[str]:
    if not listing.data:
        return
    yield ""
    yield console.paint("data", "bold")
    holes = [hole for hole in listing.holes if hole.part == "data"]
    for start in range(0, len(listing.data), _ROW):
        row = listing.data[start : start + _ROW]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"  {start:4x}: {row.hex(' '):<47}  {shown}"
        for hole in holes:
            if start <= hole.offset < start + _ROW:
                yield console.paint(f"{'':>8}^ {hole.call}", "cyan")

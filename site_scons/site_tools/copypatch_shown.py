"""Carrying out the targets that show what a build made: snapshot, diff, show, report, compdb."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO

import SCons.Action

from copypatch import (
    baseline,
    comparison,
    compile_commands,
    difference,
    html_report,
    report_data,
    show,
)
from copypatch.console import printable
from copypatch.errors import BaseError, GrownError, OptionError
from copypatch.listing import Listing
from copypatch.session import Session
from site_tools.copypatch_actions import guarded

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any


@dataclass(frozen=True)
class Wanted:
    """The targets asked for, the embedded templates, and the stream of a result that stands alone."""

    names: Sequence[str]
    templates: Path
    result: TextIO | None


def declare(env: Environment, session: Session, headers: Sequence[Node], wanted: Wanted) -> None:
    """Declare the targets, which follow the headers."""
    templates, result = wanted.templates, wanted.result
    actions: Mapping[str, Callable[[], None]] = {
        "snapshot": lambda: _snapshot(session),
        "diff": lambda: _diff(session, templates, result),
        "show": lambda: _show(session),
        "report": lambda: _report(session, templates),
        "compdb": lambda: _compdb(session),
    }
    for name in wanted.names:
        env.AlwaysBuild(env.Alias(name, headers, _action(session, actions[name])))


def _action(session: Session, carry_out: Callable[[], None]) -> object:
    def act(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
        return guarded(session.context.report.console, carry_out)

    return SCons.Action.Action(act, cmdstr=None)


def _snapshot(session: Session) -> None:
    folder = baseline.save_snapshot(session, session.options.name)
    session.context.report.console.line(f"snapshot: kept as {folder}; compare with base={session.options.name}")


def _say(session: Session, text: str, result: TextIO | None) -> None:
    if result is None:
        session.context.report.console.line(text)
    else:
        print(printable(text, result), file=result, flush=True)


def _diff(session: Session, templates: Path, result: TextIO | None) -> None:
    options, console = session.options, session.context.report.console
    base = baseline.open_base(session, templates)
    found, details = {}, []
    for plan in session.plans:
        name = plan.request.name
        before, after = base.listings[name], baseline.listings_of(plan)
        if options.uop:
            one, other = _both(options.uop, before, after, base.name)
            before, after = (one,), (other,)
            side_by_side = difference.uop_text(one, other, base.name, console.paint)
            details.append(f"{options.uop}, {name}, compared with {base.name}:\n{side_by_side}")
        found[name] = comparison.compare(before, after)
    if options.format == "text" and details:
        _say(session, "\n\n".join(details), result)
    else:
        _say(session, _written(options.format, base.name, found, console.paint), result)
        if options.format == "markdown" and details:
            _say(session, "\n".join(f"\n```text\n{text}\n```" for text in details), result)
    _check_growth(found, options.fail_if_grows, base.name)


def _both(opname: str, before: Sequence[Listing], after: Sequence[Listing], base: str) -> tuple[Listing, Listing]:
    """Return the two listings of one uop. Raises OptionError, or BaseError where only one side has it."""
    old, new = ({one.opname: one for one in side} for side in (before, after))
    check_uop(opname, [*old, *new])
    if opname not in old or opname not in new:
        raise BaseError(f"uop={opname}: only one side of the comparison with {base} has it")
    return old[opname], new[opname]


def _written(
    form: str, base: str, found: Mapping[str, comparison.Comparison], paint: Callable[[str, str], str]
) -> str:
    if form == "json":
        return difference.as_json(base, found)
    if form == "markdown":
        return "\n\n".join(difference.as_markdown(name, base, one) for name, one in found.items())
    return "\n\n".join(difference.as_text(name, base, one, paint) for name, one in found.items())


def _check_growth(found: Mapping[str, comparison.Comparison], limit: int | None, base: str) -> None:
    if limit is None:
        return
    for name, one in found.items():
        if one.grown > limit:
            raise GrownError(
                f"fail_if_grows={limit}: code and data of {name} grew by {one.grown} bytes since {base}; the uops "
                "that grew most are at the top of scons diff"
            )


def _show(session: Session) -> None:
    opname, console = session.options.uop, session.context.report.console
    if not opname:
        raise OptionError("show: say which uop, such as: scons show uop=_LOAD_FAST")
    for header in session.headers:
        check_uop(opname, header.plan.opnames)
        console.line(show.uop(session, header, baseline.listing_of(header.plan, opname), console))


def _report(session: Session, templates: Path) -> None:
    base = baseline.open_base(session, templates) if session.options.base else None
    path = session.out / "report.html"
    html_report.write(path, report_data.collect(session, base))
    session.context.report.console.line(f"report: {path}")


def _compdb(session: Session) -> None:
    path = compile_commands.write(session.out, session.plans, session.context)
    session.context.report.console.line(f"compdb: {path}; for clangd: --compile-commands-dir={path.parent}")


def check_uop(opname: str, known: Sequence[str]) -> None:
    """Raise OptionError where there is no uop of a name, with the nearest that there is."""
    if opname not in known:
        near = get_close_matches(opname, known, 1, 0.4)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"uop={opname}: there is no such uop{meant}")

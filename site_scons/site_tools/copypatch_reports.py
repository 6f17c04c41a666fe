"""The targets that show what a build made: which there are, and what is remembered for them.

What carries them out is loaded when one is asked for: a build that has nothing to do takes a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from copypatch.errors import OutputError
from copypatch.files import write_if_changed
from copypatch.session import Session

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any

TARGETS: Mapping[str, str] = {
    "snapshot": "keep this build's headers as name=N, to compare with later",
    "diff": "say what is different from base=B: sizes, holes, instructions; of one uop with uop=_X",
    "report": "write <out>/report.html: every uop's code, where the time went; with base=B, what is different",
    "compdb": "write <out>/compile_commands.json, so that clangd understands the template and each uop's source",
    "show": "show uop=_X: its C text, its machine code with every hole, its data, where it came from and why",
}
# Those whose result goes to the standard output, alone where it is for another program.
_WITH_RESULT = ("diff",)


def result_alone(targets: Sequence[str], session: Session) -> TextIO | None:
    """Leave the standard output to a result that another program reads; return it, or None where it is shared."""
    if session.options.format == "text" or not set(targets) & set(_WITH_RESULT):
        return None
    return session.context.report.console.leave_stdout()


def declare_reports(
    env: Environment, session: Session, headers: Sequence[Node], templates: Path, asked: Sequence[str]
) -> None:
    """Declare those of the targets that were asked for; they follow the headers."""
    names = [name for name in TARGETS if name in asked]
    if names:
        from site_tools import copypatch_shown

        result = result_alone(names, session)
        copypatch_shown.declare(env, session, headers, copypatch_shown.Wanted(names, templates, result))


def remember(session: Session, closing: str) -> None:
    """Keep what the reports of later builds tell of this one, and write the trace that was asked for."""
    report, file = session.context.report, session.options.trace
    if file is None and not (report.restored or report.sharded or report.alone):
        return
    from copypatch import history
    from copypatch.timeline import chrome_trace

    history.record(session, closing)
    if file is None:
        return
    try:
        write_if_changed(file, chrome_trace(history.events_of(session)))
    except OutputError as error:
        session.context.report.console.error(f"trace={file}: {error}")

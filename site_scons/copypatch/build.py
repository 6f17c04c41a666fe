"""Building a session's headers step by step: the plain executor, without SCons.

SCons orders nodes and runs the steps for those that are stale. One build of all headers needs no graph for that:
the session has decided what is stale, and the steps follow each other.
"""

from __future__ import annotations

import os
from pathlib import Path

from copypatch import dispatchers, shim, steps, target_header
from copypatch.errors import CompileError
from copypatch.files import write_if_changed
from copypatch.freshness import Verdict
from copypatch.session import Header, Session


def build(session: Session) -> None:
    """Make all headers of a session in its output folder.

    Every uop that can be made is made and kept, so that the next build goes on from there. Raises CopypatchError;
    a header that lacks a uop is left as it was.
    """
    failures = []
    for header in session.headers:
        if not header.current:
            try:
                _build_header(header, session)
            except CompileError as error:
                failures.append(error)
    for failure in failures[1:]:
        session.context.report.console.error(str(failure))
    if failures:
        raise failures[0]
    if session.dispatcher is not None:
        dispatchers.write(session.dispatcher, session.plans)


def _build_header(header: Header, session: Session) -> None:
    plan, context = header.plan, session.context
    stale = [name for name in plan.opnames if header.decisions[name].verdict is Verdict.STALE]
    steps.begin(plan, stale, context)
    if stale:
        steps.compile_objects(plan, [name for name in stale if plan.request.steps(name)], context)
        steps.read_objects(plan, stale, context)
        steps.write_holes(plan, stale, context)
        steps.write_fragments(plan, stale, context)
    target_header.make(plan, context)


def deliver(session: Session, folder: Path) -> bool:
    """Put a session's finished headers into *folder*; return whether anything there changed.

    The dispatcher is never older than a header that it includes: CPython's Makefile has ``Python/jit.o`` depend
    on it alone, so its time has to tell that a target's header is new. Raises OutputError, OSError.
    """
    made = [path for plan in session.plans for path in (plan.request.header, *shim.outputs(plan))]
    changed = [write_if_changed(folder / path.name, path.read_bytes()) for path in made]
    if session.dispatcher is not None:
        for dispatcher in dispatchers.paths(session.dispatcher, session.plans):
            delivered = folder / dispatcher.name
            changed.append(write_if_changed(delivered, dispatcher.read_bytes()))
            # Compared by what is on disk: the build that wrote a header may have been killed before it came here.
            headers = [folder / path.name for path in made if path.suffix == ".h"]
            if any(path.stat().st_mtime_ns > delivered.stat().st_mtime_ns for path in headers):
                os.utime(delivered)
    return any(changed)

"""A whole session built in this process, without a graph: the steps in their order, over all that is stale."""

from __future__ import annotations

from copypatch import steps
from copypatch.errors import CompileError
from copypatch.freshness import Verdict
from copypatch.session import Session


def build(session: Session, name: str) -> None:
    """Make the fragments of a session; *name* is what messages call it.

    Raises CompileError when a uop cannot be had, and what the steps raise.
    """
    context = session.context
    for header in session.headers:
        plan = header.plan
        stale = [opname for opname, one in header.decisions.items() if one.verdict is Verdict.STALE]
        compiled = [opname for opname in stale if plan.request.steps(opname)]
        steps.write_sources(plan, [opname for opname in compiled if opname != plan.request.entry], context)
        steps.compile_objects(plan, compiled, context)
        steps.read_objects(plan, compiled, context)
        steps.write_holes(plan, stale, context)
        steps.write_fragments(plan, stale, context)
        missing = [opname for opname in plan.opnames if not plan.paths.fragment(opname).is_file()]
        if missing:
            raise CompileError(f"{name}: cannot be built, for want of {', '.join(missing[:5])}; see above")

"""The builders, one for each kind of node: they pass a batch of stale uops on to a step of the library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import SCons.Action
import SCons.Builder

from copypatch import dispatchers, steps, target_header
from copypatch.console import Console
from copypatch.context import Context
from copypatch.errors import CopypatchError
from copypatch.ninja import turns
from copypatch.plan import Plan
from copypatch.session import Session
from copypatch.timeline import STEP

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any
_Step = Callable[[Plan, list[str], Context], None]


def builders() -> Mapping[str, object]:
    """Return the builders by name. They need STENCIL_SESSION, STENCIL_PLAN and STENCIL_CONSOLE."""
    return {
        "UopSource": _batch_builder(steps.write_sources),
        "UopPrefix": _builder(_precompile),
        "UopObject": _batch_builder(steps.compile_objects),
        "UopSections": _batch_builder(steps.read_objects),
        "UopHoles": _batch_builder(steps.write_holes),
        "UopFragment": _batch_builder(steps.write_fragments),
        "StencilHeader": _builder(_merge),
        "StencilDispatcher": _builder(_dispatch),
    }


def _builder(function: Callable[..., int | None]) -> object:
    return SCons.Builder.Builder(action=SCons.Action.Action(function, cmdstr=None))


def _batch_builder(step: _Step) -> object:
    """A builder whose action gets all stale uops of a plan at once."""

    def act(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
        session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
        stale = _stale(target)
        with _timed(session, _NAMES[step], plan, stale):
            return guarded(console, lambda: step(plan, stale, session.context))

    # True: one batch per action and environment, so one per step and plan.
    action = SCons.Action.Action(act, cmdstr=None, batch_key=True, targets="$CHANGED_TARGETS")
    return SCons.Builder.Builder(action=action)


def _stale(target: Sequence[Node]) -> list[str]:
    """Return the uops of a batch that are out of date.

    SCons runs a batch for all of its targets as soon as one is stale; a Python action has to look for itself.
    """
    batches = target[0].get_executor().batches
    stale = (
        batch.targets[0]
        for batch in batches
        if any(node.always_build or not node.is_up_to_date() for node in batch.targets)
    )
    return [_opname(node) for node in stale]


def _opname(node: Node) -> str:
    return str(node.name).partition(".")[0]


def guarded(console: Console, action: Callable[[], object]) -> int | None:
    """Run an action; a user's mistake is one message and a failed node, not a traceback."""
    try:
        action()
    except CopypatchError as error:
        console.error(str(error))
        return 1
    return None


_NAMES: Mapping[_Step, str] = {
    steps.write_sources: "write sources",
    steps.compile_objects: "compile",
    steps.read_objects: "read objects",
    steps.write_holes: "make holes files",
    steps.write_fragments: "write fragments",
}


def _timed(
    session: Session, name: str, plan: Plan | None = None, uops: Sequence[str] = ()
) -> AbstractContextManager[None]:
    """Record how long a step takes."""
    plan_name = plan.request.name if plan is not None else ""
    return session.context.runner.timeline.span(name, STEP, uops, plan_name)


def _precompile(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
    with _timed(session, "precompile", plan):
        return guarded(console, lambda: steps.precompile(plan, session.context))


def _merge(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]

    def merge() -> None:
        target_header.make(plan, session.context)
        if turns.is_used(session.out):
            turns.settle(plan)

    with _timed(session, "merge", plan):
        return guarded(console, merge)


def _dispatch(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, console = env["STENCIL_SESSION"], env["STENCIL_CONSOLE"]
    return guarded(console, lambda: dispatchers.write(Path(target[0].abspath), session.plans))

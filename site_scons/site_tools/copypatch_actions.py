"""The builders, one for each kind of node: they pass a batch of stale uops on to a step of the library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import SCons.Action
import SCons.Builder

from copypatch import steps
from copypatch.console import Console
from copypatch.errors import CopypatchError
from copypatch.plan import Plan
from copypatch.session import Session

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any
_Step = Callable[[Session, Plan, list[str]], None]


def builders() -> Mapping[str, object]:
    """Return the builders by name. They need STENCIL_SESSION, STENCIL_PLAN and STENCIL_CONSOLE."""
    return {
        "UopSource": _batch_builder(_write_sources, "writing C sources"),
        "UopPrefix": _builder(_precompile),
        "UopObject": _batch_builder(_compile, "compiling"),
        "UopSections": _batch_builder(_read_objects, "reading objects"),
        "UopHoles": _batch_builder(_write_holes, "making holes files"),
        "UopFragment": _batch_builder(_write_fragments, "writing fragments"),
        "StencilHeader": _builder(_merge),
        "StencilDispatcher": _builder(_dispatch),
    }


def _builder(function: Callable[..., int | None]) -> object:
    return SCons.Builder.Builder(action=SCons.Action.Action(function, cmdstr=None))


def _batch_builder(step: _Step, what: str) -> object:
    """A builder whose action gets all stale uops of a plan at once."""

    def act(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
        session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
        opnames = _stale(target)
        console.doing(f"{plan.request.name}: {what}", len(opnames))
        return guarded(console, lambda: step(session, plan, opnames))

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


def _write_sources(_session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_sources(plan, opnames)


def _precompile(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
    console.doing(f"{plan.request.name}: precompiling the include block")
    return guarded(console, lambda: console.show(steps.precompile(plan, session.context.runner)))


def _compile(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.compile_objects(plan, opnames, session.context)


def _read_objects(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.read_objects(plan, opnames, session.context)


def _write_holes(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_holes(plan, opnames, session.context)


def _write_fragments(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_fragments(plan, opnames, session.context)


def _merge(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
    console.doing(f"{plan.request.name}: merging {plan.request.header.name}")
    return guarded(console, lambda: steps.merge_header(plan, session.context))


def _dispatch(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, console = env["STENCIL_SESSION"], env["STENCIL_CONSOLE"]
    return guarded(console, lambda: steps.write_dispatcher(Path(target[0].abspath), session.plans))

"""A session: one run of the tool, from the user's options to the plans of all headers asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from copypatch import folder_lock, steps, target_header, trees
from copypatch import plan as planner
from copypatch.cache import DiskStore, NoStore, Store
from copypatch.console import Console
from copypatch.context import Context
from copypatch.engine import Engine
from copypatch.errors import OptionError, OutputError
from copypatch.files import make_folder
from copypatch.freshness import Decision, Verdict, decide
from copypatch.identity import Identified, identify
from copypatch.ninja import owner, turns
from copypatch.plan import Plan, Request
from copypatch.process import Runner
from copypatch.report import Report
from copypatch.timeline import CACHE, STEP
from copypatch.trees import Tree
from copypatch.variables import Options


@dataclass(frozen=True)
class Header:
    """One header of a session: its plan, what has to be done for each of its uops, and whether it is current."""

    plan: Plan
    decisions: Mapping[str, Decision]
    current: bool


@dataclass(frozen=True)
class Session:
    """What a run is about. *lock* keeps other builds out of the output folder for as long as it lives."""

    options: Options
    tree: Tree
    headers: tuple[Header, ...]
    out: Path
    context: Context
    lock: IO[str] | None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans of all headers."""
        return tuple(header.plan for header in self.headers)

    @property
    def dispatcher(self) -> Path | None:
        """The header that picks the target's, where the dialect has one."""
        dialect = self.tree.dialect
        return self.out / dialect.dispatcher if dialect.dispatches else None


def open_store(options: Options, console: Console) -> Store:
    """Return the cache that the options ask for."""
    return DiskStore(options.cache, options.cache_limit, console.warn) if options.cache else NoStore()


def open_tree(options: Options, templates: Path) -> Tree:
    """Return the tree that the options ask for; *templates* are the embedded ones. Raises TreeError."""
    if options.cpython is None:
        return trees.embedded_tree(templates)
    return trees.cpython_tree(options.cpython, options.pyconfig, options.engine)


def open_session(
    options: Options,
    tree: Tree,
    default_out: Path,
    runner: Runner,
    console: Console,
    *,
    whole_chain: bool = False,
    dry: bool = False,
) -> Session:
    """Find the toolchain, plan all headers, and decide what has to be done for each uop.

    *default_out* is the folder under which the output folder is made where none is given. *whole_chain*: every
    artefact is wanted, not just the fragments. *dry*: nothing is restored. Raises CopypatchError.
    """
    kind = "debug" if options.debug else "release"
    out = options.out or default_out / f"{tree.version}-{kind}"
    if len(options.targets) > 1 and not tree.dialect.dispatches:
        raise OptionError(
            f"target={','.join(target.triple for target in options.targets)}: {tree.name} has one "
            "header for one target; build them one at a time, each with its own out=DIR"
        )
    if options.engine is Engine.TREE and tree.dialect.passes is None:
        raise OptionError(
            f"engine=tree: {tree.name}: these templates come without a generator of their own; leave engine= out"
        )
    lock = _lock(make_folder(out), lambda: console.line(f"waiting for another build in {out} ..."))
    # ninja needs the objects, not the fragments alone.
    shared = turns.is_used(out)
    whole_chain = whole_chain or shared
    context = Context(runner, Report(console), open_store(options, console), whole_chain=whole_chain)
    with runner.timeline.span("find the toolchain", STEP):
        found = _toolchain(options, tree, out, console)
    headers = []
    for target in options.targets:
        request = Request(
            tree=tree,
            target=tree.dialect.canonical(target),
            debug=options.debug,
            cflags=options.cflags,
            cflags_text=options.cflags_text,
            toolchain=found.toolchain,
            identity=found.identity,
            out=out,
            shards=options.shards,
        )
        try:
            with runner.timeline.span("plan", STEP, plan=request.name):
                plan = planner.make(request, runner, stale=None if dry else request.begin_engine)
            with runner.timeline.span("decide", STEP, plan=request.name):
                headers.append(_open_header(plan, context, whole_chain=whole_chain, dry=dry))
        except OSError as error:
            raise OutputError(f"{error.filename}: {error.strerror}") from error
    if shared and not dry and not all(header.current for header in headers):
        turns.take(out)
    if tree.note and not all(header.current for header in headers):
        console.note(tree.note)
    context.report.total = sum(len(header.plan.opnames) for header in headers)
    return Session(options, tree, tuple(headers), out, context, lock)


_PAUSE = 0.02


def _lock(out: Path, waiting: Callable[[], None]) -> IO[str] | None:
    """Lock an output folder, once no ninja has it. Raises OutputError."""
    lock = folder_lock.acquire(out / "uops" / "lock", waiting)
    if lock is not None and owner.is_taken(str(out)):
        waiting()
    while lock is not None and owner.is_taken(str(out)):
        # Its steps need the lock to come to an end.
        lock.close()
        time.sleep(_PAUSE)
        lock = folder_lock.acquire(out / "uops" / "lock", lambda: None)
    if turns.is_used(out) and not owner.is_ours(str(out)):
        owner.wait_for_steps(str(out))
    return lock


def _toolchain(options: Options, tree: Tree, out: Path, console: Console) -> Identified:
    wanted = tree.dialect.llvm if options.llvm_prefix is None else None
    major = options.llvm_major if options.llvm_major is not None else wanted
    found = identify(major, options.llvm_prefix, tree.dialect.llvm_minimum, memory=out / "uops" / "toolchain.json")
    asked = options.generator_llvm or tree.dialect.llvm
    if asked is not None and found.toolchain.major != asked:
        console.warn(
            f"CPython {tree.version} asks for LLVM {asked}; building with {found.toolchain.version}, "
            "as you said, gives other stencils than its generator"
        )
    return found


def _open_header(plan: Plan, context: Context, *, whole_chain: bool, dry: bool) -> Header:
    known = plan.ledger.read()
    decisions = decide(plan, known, context.store, whole_chain=whole_chain)
    restored = {name: one.fragment for name, one in decisions.items() if one.verdict is Verdict.RESTORED}
    context.report.restore(plan.request.name, restored)
    context.report.restored_for.update({(plan.request.name, name): decisions[name].reason for name in restored})
    if restored and not dry:
        with context.runner.timeline.span("restore fragments", CACHE, [*restored], plan.request.name):
            steps.restore_fragments(plan, restored)
    reasons = {name: one.reason for name, one in decisions.items() if one.verdict is Verdict.STALE}
    context.report.reasons[plan.request.name] = reasons
    fresh = all(one.verdict is Verdict.FRESH for one in decisions.values())
    return Header(plan, decisions, fresh and target_header.is_current(plan, known))

"""The compile step: all stale uops of a build, to objects.

A process per uop is mostly process start, so uops go to clang in shards (:mod:`copypatch.shards`) where that is
proved to give the same bytes. What fails there, and what no shard can take, is compiled alone by the driver,
which also words the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from copypatch import diagnostics
from copypatch.assemble import Assembler
from copypatch.compile_step import CompileReport, Keep, Stage, Warn, alone, each_alone, run_stage, shard, shard_line
from copypatch.diagnostics import Locate
from copypatch.dialects import Step, before_passes
from copypatch.files import make_folder, write_if_changed
from copypatch.paths import Paths
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.shards import FEWEST, Proofs, deal, proof_subject
from copypatch.timeline import CHECK_FOLDER

# Tells whether the output of a step for a uop is there already, made from what its input is now.
Settled = Callable[[Step, str], bool]


def never_settled(_step: Step, _opname: str) -> bool:
    """Tell that a step has to be done."""
    return False


def locations(plan: Plan, opnames: Sequence[str]) -> dict[str, Locate]:
    """Return for each uop how a line of its source is told in the user's terms."""
    found = {}
    for opname in opnames:
        if opname != plan.request.entry:
            locate = plan.source(opname).locate
            if locate is not None:
                found[opname] = locate
    return found


def differs_alone(
    plan: Plan, opnames: Iterable[str], runner: Runner, made: Paths | None = None, steps: int | None = None
) -> str:
    """Compile uops alone, by the driver, and compare with the objects that are there, or are below *made*.

    Given a number of *steps* to do, what the last of these makes is compared. Returns "" where all are the same,
    else the first difference. The sources and the precompiled include block have to be written. Raises OutputError.
    """
    outputs = Paths(plan.paths.folder / CHECK_FOLDER)
    names = list(opnames)
    _make_folders(plan, names, outputs)

    def compare(opname: str) -> str:
        stages = _stages(plan, [opname], outputs)[:steps]
        for stage in stages:
            if stage.step.passes:
                stage.passes([opname])
            elif not alone(stage, opname, runner)[0]:
                return f"the driver alone does not compile {opname}"
            stage.finish(opname)
        theirs = replace(stages[-1], outputs=made or plan.paths)
        same = stages[-1].output(opname).read_bytes() == theirs.output(opname).read_bytes()
        return "" if same else f"{opname} comes out differently from what the driver makes"

    return next((difference for difference in runner.map(compare, names) if difference), "")


def _stages(plan: Plan, opnames: Sequence[str], outputs: Paths) -> list[Stage]:
    steps = plan.request.steps(opnames[0]) if opnames else ()
    return [Stage(plan, step, index, outputs) for index, step in enumerate(steps)]


def _make_folders(plan: Plan, opnames: Sequence[str], outputs: Paths) -> None:
    for folder in {path.parent for name in opnames for path in outputs.compiled(name, plan.request.steps(name))}:
        make_folder(folder)


def compile_uops(
    plan: Plan,
    opnames: Sequence[str],
    runner: Runner,
    *,
    warn: Warn,
    keep: Keep,
    prefix: Callable[[], str],
    settled: Settled = never_settled,
    outputs: Paths | None = None,
    to_passes: bool = False,
) -> CompileReport:
    """Compile uops; their sources and the precompiled include block are made sure of first, the latter by *prefix*.

    The first objects that this compiler makes in shards with these flags are compared with the driver's. Where
    they differ, or a shard cannot be had, *warn* is told why, and each uop is compiled alone. *keep* is told of
    objects as they are finished. Where the tree's own passes take part, *settled* is asked before each step of a
    uop; *to_passes*: it goes no further than to what they work on. What is made goes below *outputs* where that is
    not the plan's own folder. Raises CompileError when the include block does not compile, OutputError.
    """
    outputs = outputs or plan.paths
    _make_folders(plan, opnames, outputs)
    uops = [opname for opname in opnames if opname != plan.request.entry]
    for opname in uops:
        write_if_changed(plan.paths.source(opname), plan.source(opname).text)
    include_messages = prefix() if uops and plan.expansion.shares_prefix else ""
    stages = _stages(plan, opnames, outputs)
    before = len(before_passes(plan.request.steps(opnames[0]))) if opnames else 0
    if to_passes:
        stages = stages[:before]
    proofs = Proofs(plan.paths.proofs)
    subject = proof_subject(plan.request.identity, plan.request.command(), plan.request.steps(plan.opnames[-1]))
    verdict = proofs.verdict(subject)
    few = len(uops) < FEWEST
    sharding = plan.request.shards and not few and not verdict
    # Until the first shard is proved, nothing of it may be kept.
    trusted = keep if verdict == "" or not sharding else None
    report = _run_stages(stages, opnames, runner, warn, trusted, sharding=sharding, settled=settled, proofs=proofs)
    if report.sharded and verdict is None:
        # Both ends of the list, so that at least one was not the first of its process.
        verdict = differs_alone(plan, {report.sharded[0], report.sharded[-1]}, runner, outputs, before)
        proofs.record(subject, verdict)
        if verdict:
            report = _run_stages(
                stages, opnames, runner, warn, keep, sharding=False, settled=never_settled, proofs=proofs
            )
        else:
            keep([*report.alone, *report.sharded], report.messages)
    if verdict and plan.request.shards and not few:
        warn(f"{plan.request.name}: every uop is compiled alone, shards are off: {verdict}")
    report.warned = diagnostics.subjects(report.messages, opnames)
    messages = diagnostics.relocate(report.messages, locations(plan, opnames))
    report.messages = include_messages + diagnostics.relocate_assembly(messages, outputs.folder / "opt.s")
    return report


def assemble_uops(
    plan: Plan, opnames: Sequence[str], runner: Runner, *, warn: Warn, settled: Settled
) -> CompileReport:
    """Do what follows the compiler where the tree's own passes work on its assembly; see :func:`compile_uops`.

    Raises TreeError, OutputError.
    """
    if not opnames:
        return CompileReport()
    _make_folders(plan, opnames, plan.paths)
    stages = _stages(plan, opnames, plan.paths)
    behind = stages[len(before_passes([stage.step for stage in stages])) :]
    proofs = Proofs(plan.paths.proofs)
    report = _run_with_passes(behind, opnames, runner, warn, None, sharding=False, settled=settled, proofs=proofs)
    report.messages = diagnostics.relocate_assembly(report.messages, plan.paths.folder / "opt.s")
    return report


def _keep_with(keep: Keep, earlier: str, opnames: Sequence[str], messages: str) -> None:
    keep(opnames, earlier + messages)


def _run_stages(
    stages: Sequence[Stage],
    opnames: Sequence[str],
    runner: Runner,
    warn: Warn,
    keep: Keep | None,
    *,
    sharding: bool,
    settled: Settled,
    proofs: Proofs,
) -> CompileReport:
    if any(stage.step.passes for stage in stages):
        return _run_with_passes(
            stages, opnames, runner, warn, keep, sharding=sharding, settled=settled, proofs=proofs
        )
    report = CompileReport()
    todo = list(opnames)
    for index, stage in enumerate(stages):
        uops = [opname for opname in todo if opname != stage.plan.request.entry]
        line = shard_line(stage, uops, runner, warn) if sharding else None
        # What clang said of a uop in an earlier step counts as well.
        earlier = report.messages
        tell = keep and partial(_keep_with, keep, earlier)
        part = run_stage(stage, todo, line, runner, tell)
        report.failed += part.failed
        report.messages += part.messages
        # A uop that any step had to take alone counts as compiled alone.
        report.sharded = [name for name in part.sharded if index == 0 or name in report.sharded]
        todo = [opname for opname in todo if opname not in part.failed]
    report.alone = [opname for opname in todo if opname not in report.sharded]
    return report


def _run_with_passes(
    stages: Sequence[Stage],
    opnames: Sequence[str],
    runner: Runner,
    warn: Warn,
    keep: Keep | None,
    *,
    sharding: bool,
    settled: Settled,
    proofs: Proofs,
) -> CompileReport:
    """Do the steps between which the tree's own passes work, each for those uops for which it is not settled.

    A group of uops goes all the way before the next one, so that the passes, which are one process, work beside the
    compiler. The report says how the C text was compiled; what follows changes assembly.
    """
    first, plan = stages[0], stages[0].plan
    sources = [opname for opname in opnames if not settled(first.step, opname)]
    line = shard_line(first, sources, runner, warn) if sharding else None
    assembler = Assembler(stages[-1], runner, warn, proofs)

    def run(group: Sequence[str]) -> CompileReport:
        report = CompileReport()
        left = list(group)
        for stage in stages:
            doing = [opname for opname in left if not settled(stage.step, opname)]
            if stage.step.passes:
                part = stage.passes(doing)
            elif stage.step.assembles:
                part = assembler.run(doing)
                part.alone, part.sharded = [], []
            else:
                part = shard(stage, doing, line, runner) if line else each_alone(stage, doing, runner)
            report.extend(part)
            left = [opname for opname in left if opname not in report.failed]
        report.alone = [opname for opname in report.alone if opname in left]
        report.sharded = [opname for opname in report.sharded if opname in left]
        if keep is not None:
            keep(left, report.messages)
        return report

    report = CompileReport()
    for part in runner.map(run, deal({opname: plan.cost(opname) for opname in opnames}, runner.jobs)):
        report.extend(part)
    return report

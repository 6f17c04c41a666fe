"""The compile step: all stale uops of a build, to objects.

A process per uop is mostly process start, so uops go to clang in shards (:mod:`copypatch.shards`) where that is
proved to give the same bytes. What fails there, and what no shard can take, is compiled alone by the driver,
which also words the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from copypatch import diagnostics
from copypatch.diagnostics import Locate
from copypatch.dialects import Step
from copypatch.files import make_folder, read_text, remove, write_if_changed
from copypatch.paths import Paths
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.shards import FEWEST, Proofs, ShardLine, deal, derive, proof_subject
from copypatch.timeline import CHECK_FOLDER

Warn = Callable[[str], None]
# Told of uops whose objects are finished and can be trusted, and of what clang said in the same process.
Keep = Callable[[Sequence[str], str], None]
# Tells whether the output of a step for a uop is there already, made from what its input is now.
Settled = Callable[[Step, str], bool]


def never_settled(_step: Step, _opname: str) -> bool:
    """Tell that a step has to be done."""
    return False


@dataclass(slots=True)
class CompileReport:
    """What came of a compile step: uops by how they were made, and clang's words in the user's terms.

    *warned* are those that clang had something to say about.
    """

    alone: list[str] = field(default_factory=list)
    sharded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    messages: str = ""

    def add(self, opname: str, ok: bool, messages: str) -> None:
        """Record a uop that was compiled alone."""
        (self.alone if ok else self.failed).append(opname)
        self.messages += messages

    def extend(self, part: CompileReport) -> None:
        """Record what another process made."""
        self.alone += part.alone
        self.sharded += part.sharded
        self.failed += part.failed
        self.messages += part.messages


def locations(plan: Plan, opnames: Sequence[str]) -> dict[str, Locate]:
    """Return for each uop how a line of its source is told in the user's terms."""
    found = {}
    for opname in opnames:
        if opname != plan.request.entry:
            locate = plan.source(opname).locate
            if locate is not None:
                found[opname] = locate
    return found


@dataclass(frozen=True, slots=True)
class _Stage:
    """One step of the compile, with everything that says where its files are; outputs go below *outputs*."""

    plan: Plan
    step: Step
    index: int
    outputs: Paths

    @property
    def last(self) -> bool:
        """Whether this step makes the object."""
        return self.step.suffix == ".o"

    def folder(self, opname: str) -> Path:
        """The folder in which the compiler runs: that of the source."""
        return self.source(opname).parent

    def source(self, opname: str) -> Path:
        if opname == self.plan.request.entry and not self.index:
            return self.plan.request.tree.sources.entry
        if not self.index:
            return self.plan.paths.source(opname)
        return self.outputs.intermediate(opname, self.plan.request.steps(opname)[self.index - 1].suffix)

    def source_argument(self, opname: str) -> str:
        """The source as the compiler is told it, which is what ``__FILE__`` says: no absolute path for a uop."""
        source = self.source(opname)
        return str(source) if source == self.plan.request.tree.sources.entry else f"./{source.name}"

    def output(self, opname: str) -> Path:
        last = self.index + 1 == len(self.plan.request.steps(opname))
        return self.outputs.object(opname) if last else self.outputs.intermediate(opname, self.step.suffix)

    def shard_output(self, opname: str) -> Path:
        """Where ``clang -cc1`` puts an output by itself: beside its source."""
        return self.source(opname).with_suffix(self.step.suffix)

    def command(self, opname: str, output: Path) -> list[str]:
        return self.plan.compile_command(opname, self.step, self.source_argument(opname), str(output))

    def passes(self, opnames: Sequence[str]) -> CompileReport:
        """Let the tree's own passes do this step, which is one of theirs. Raises TreeError."""
        report = CompileReport()
        each = [(opname, str(self.source(opname).absolute())) for opname in opnames]
        replies = self.plan.request.engine.ask("optimise", each) if opnames else []
        for opname, reply in zip(opnames, replies, strict=True):
            if "error" in reply:
                report.failed.append(opname)
                report.messages += f"error: {opname}: the tree's passes over its assembly: {reply['error']}\n"
                remove([self.output(opname)])
            else:
                write_if_changed(self.output(opname), str(reply["text"]))
        return report

    def finish(self, opname: str) -> None:
        """Do to an output what the dialect asks for before the next step reads it."""
        if self.step.edit is not None:
            write_if_changed(self.output(opname), self.step.edit(read_text(self.output(opname))))


def _alone(stage: _Stage, opname: str, runner: Runner) -> tuple[bool, str]:
    """Run a step for one uop by the driver; return whether it worked, and clang's messages."""
    output = stage.output(opname)
    result = runner.run(stage.command(opname, output), cwd=stage.folder(opname))
    if result.status:
        remove([output])
        killed = f"{opname}: clang was killed by signal {-result.status}\n" if result.status < 0 else ""
        return False, result.stderr + killed
    return True, result.stderr


def _shard(stage: _Stage, opnames: Sequence[str], line: ShardLine, runner: Runner) -> CompileReport:
    """Run a step for many uops in one process; what it leaves undone is done alone, or in another try."""
    report = CompileReport()
    todo = list(opnames)
    while todo:
        folder = stage.folder(todo[0])
        remove(stage.shard_output(opname) for opname in todo)
        sources = [stage.source_argument(opname) for opname in todo]
        result = runner.run([*line.arguments, *sources], cwd=folder)
        done = [opname for opname in todo if stage.shard_output(opname).is_file()]
        if result.status and len(done) == len(todo):
            # It failed, and not at any one of them: nothing that it made can be trusted.
            done = []
        for opname in done:
            stage.shard_output(opname).replace(stage.output(opname))
        report.sharded += done
        todo = [opname for opname in todo if opname not in done]
        if not todo:
            report.messages += result.stderr
            break
        # One that fails suppresses those after it, so the first without an output is the one.
        suspect = todo.pop(0)
        report.messages += diagnostics.without(result.stderr, suspect)
        report.add(suspect, *_alone(stage, suspect, runner))
    return report


def _one_alone(stage: _Stage, opname: str, runner: Runner) -> CompileReport:
    report = CompileReport()
    report.add(opname, *_alone(stage, opname, runner))
    return report


def _run_stage(
    stage: _Stage, opnames: Sequence[str], line: ShardLine | None, runner: Runner, keep: Keep | None
) -> CompileReport:
    """Run a step for uops: all but the entry in shards, or, without a shard line, each alone.

    *keep* is called after every process of the last step, so that a build that is killed loses little.
    """
    if line is None:
        jobs = [[partial(_one_alone, stage, opname, runner)] for opname in opnames]
    else:
        jobs = []
        for shard in deal({opname: stage.plan.cost(opname) for opname in opnames}, runner.jobs):
            # The entry has a command line of its own, so it is a process of its own.
            entry = [opname for opname in shard if opname == stage.plan.request.entry]
            uops = [opname for opname in shard if opname not in entry]
            alone = [partial(_one_alone, stage, opname, runner) for opname in entry]
            jobs.append([*alone, partial(_shard, stage, uops, line, runner)])

    def run(job: Sequence[Callable[[], CompileReport]]) -> CompileReport:
        done = CompileReport()
        for process in job:
            part = process()
            for opname in (*part.alone, *part.sharded):
                stage.finish(opname)
            if keep is not None and stage.last:
                keep([*part.alone, *part.sharded], part.messages)
            done.extend(part)
        return done

    report = CompileReport()
    for done in runner.map(run, jobs):
        report.extend(done)
    return report


def _shard_line(stage: _Stage, uops: Sequence[str], runner: Runner, warn: Warn) -> ShardLine | None:
    """Return the shard line of a step whose sources are written; *warn* is told why where there is none."""
    if not uops:
        return None
    sample = uops[0]
    output = stage.output(sample)
    line = derive(
        stage.command(sample, output), stage.source_argument(sample), str(output), stage.folder(sample), runner
    )
    if isinstance(line, ShardLine):
        return line
    warn(f"{stage.plan.request.name}: uops are compiled alone, for want of a shard: {line}")
    return None


def differs_alone(plan: Plan, opnames: Iterable[str], runner: Runner, made: Paths | None = None) -> str:
    """Compile uops alone, by the driver, and compare with the objects that are there, or are below *made*.

    Returns "" where all are the same, else the first difference. The sources and the precompiled include block
    have to be written. Raises OutputError.
    """
    objects = made or plan.paths
    outputs = Paths(plan.paths.folder / CHECK_FOLDER)
    names = list(opnames)
    _make_folders(plan, names, outputs)

    def compare(opname: str) -> str:
        for stage in _stages(plan, [opname], outputs):
            if stage.step.passes:
                stage.passes([opname])
            elif not _alone(stage, opname, runner)[0]:
                return f"the driver alone does not compile {opname}"
            stage.finish(opname)
        same = outputs.object(opname).read_bytes() == objects.object(opname).read_bytes()
        return "" if same else f"{opname} comes out differently from what the driver makes"

    return next((difference for difference in runner.map(compare, names) if difference), "")


def _stages(plan: Plan, opnames: Sequence[str], outputs: Paths) -> list[_Stage]:
    steps = plan.request.steps(opnames[0]) if opnames else ()
    return [_Stage(plan, step, index, outputs) for index, step in enumerate(steps)]


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
) -> CompileReport:
    """Compile uops; their sources and the precompiled include block are made sure of first, the latter by *prefix*.

    The first objects that this compiler makes in shards with these flags are compared with the driver's. Where
    they differ, or a shard cannot be had, *warn* is told why, and each uop is compiled alone. *keep* is told of
    objects as they are finished. Where the tree's own passes take part, *settled* is asked before each step of a
    uop. What is made goes below *outputs* where that is not the plan's own folder. Raises CompileError when the
    include block does not compile, OutputError.
    """
    outputs = outputs or plan.paths
    _make_folders(plan, opnames, outputs)
    uops = [opname for opname in opnames if opname != plan.request.entry]
    for opname in uops:
        write_if_changed(plan.paths.source(opname), plan.source(opname).text)
    include_messages = prefix() if uops and plan.expansion.shares_prefix else ""
    stages = _stages(plan, opnames, outputs)
    proofs = Proofs(plan.paths.proofs)
    subject = proof_subject(plan.request.identity, plan.request.command(), plan.request.steps(plan.opnames[-1]))
    verdict = proofs.verdict(subject)
    few = len(uops) < FEWEST
    sharding = plan.request.shards and not few and not verdict
    # Until the first shard is proved, nothing of it may be kept.
    trusted = keep if verdict == "" or not sharding else None
    report = _run_stages(stages, opnames, runner, warn, trusted, sharding=sharding, settled=settled)
    if report.sharded and verdict is None:
        # Both ends of the list, so that at least one was not the first of its process.
        verdict = differs_alone(plan, {report.sharded[0], report.sharded[-1]}, runner, outputs)
        proofs.record(subject, verdict)
        if verdict:
            report = _run_stages(stages, opnames, runner, warn, keep, sharding=False)
        else:
            keep([*report.alone, *report.sharded], report.messages)
    if verdict and plan.request.shards and not few:
        warn(f"{plan.request.name}: every uop is compiled alone, shards are off: {verdict}")
    report.warned = diagnostics.subjects(report.messages, opnames)
    report.messages = include_messages + diagnostics.relocate(report.messages, locations(plan, opnames))
    return report


def _keep_with(keep: Keep, earlier: str, opnames: Sequence[str], messages: str) -> None:
    keep(opnames, earlier + messages)


def _run_stages(
    stages: Sequence[_Stage],
    opnames: Sequence[str],
    runner: Runner,
    warn: Warn,
    keep: Keep | None,
    *,
    sharding: bool,
    settled: Settled = never_settled,
) -> CompileReport:
    if any(stage.step.passes for stage in stages):
        return _run_with_passes(stages, opnames, runner, warn, keep, sharding=sharding, settled=settled)
    report = CompileReport()
    todo = list(opnames)
    for index, stage in enumerate(stages):
        uops = [opname for opname in todo if opname != stage.plan.request.entry]
        line = _shard_line(stage, uops, runner, warn) if sharding else None
        # What clang said of a uop in an earlier step counts as well.
        earlier = report.messages
        tell = keep and partial(_keep_with, keep, earlier)
        part = _run_stage(stage, todo, line, runner, tell)
        report.failed += part.failed
        report.messages += part.messages
        # A uop that any step had to take alone counts as compiled alone.
        report.sharded = [name for name in part.sharded if index == 0 or name in report.sharded]
        todo = [opname for opname in todo if opname not in part.failed]
    report.alone = [opname for opname in todo if opname not in report.sharded]
    return report


def _run_with_passes(
    stages: Sequence[_Stage],
    opnames: Sequence[str],
    runner: Runner,
    warn: Warn,
    keep: Keep | None,
    *,
    sharding: bool,
    settled: Settled,
) -> CompileReport:
    """Do the steps between which the tree's own passes work, each for those uops for which it is not settled.

    The report says how the C text was compiled. What follows changes assembly, and is a process for each uop.
    """
    report = CompileReport()
    left = list(opnames)
    for stage in stages:
        todo = [opname for opname in left if not settled(stage.step, opname)]
        if stage.step.passes:
            part = stage.passes(todo)
        else:
            shared = sharding and not stage.step.assembles
            line = _shard_line(stage, todo, runner, warn) if shared else None
            part = _run_stage(stage, todo, line, runner, keep and partial(_keep_with, keep, report.messages))
            if stage.step.assembles:
                part.alone, part.sharded = [], []
        report.extend(part)
        left = [opname for opname in left if opname not in part.failed]
    report.alone = [opname for opname in report.alone if opname in left]
    report.sharded = [opname for opname in report.sharded if opname in left]
    return report

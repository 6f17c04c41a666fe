"""One step of the compile: each uop alone, by the driver, or many in a process (:mod:`copypatch.shards`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from copypatch import diagnostics
from copypatch.dialects import Step
from copypatch.files import read_text, remove, write_if_changed
from copypatch.paths import Paths
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.shards import ShardLine, deal, derive

Warn = Callable[[str], None]
# Told of uops whose objects are finished and can be trusted, and of what clang said in the same process.
Keep = Callable[[Sequence[str], str], None]


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


@dataclass(frozen=True, slots=True)
class Stage:
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
        """Return the folder in which the compiler runs: that of the source."""
        return self.source(opname).parent

    def source(self, opname: str) -> Path:
        """Return what the step reads."""
        if opname == self.plan.request.entry and not self.index:
            return self.plan.request.tree.sources.entry
        if not self.index:
            return self.plan.paths.source(opname)
        return self.outputs.intermediate(opname, self.plan.request.steps(opname)[self.index - 1].suffix)

    def source_argument(self, opname: str) -> str:
        """Return the source as the compiler is told it, for ``__FILE__``: no absolute path for a uop."""
        source = self.source(opname)
        return str(source) if source == self.plan.request.tree.sources.entry else f"./{source.name}"

    def output(self, opname: str) -> Path:
        """Return what the step writes."""
        last = self.index + 1 == len(self.plan.request.steps(opname))
        return self.outputs.object(opname) if last else self.outputs.intermediate(opname, self.step.suffix)

    def shard_output(self, opname: str) -> Path:
        """Return where ``clang -cc1`` puts an output by itself: beside its source."""
        return self.source(opname).with_suffix(self.step.suffix)

    def collect(self, opname: str) -> bool:
        """Take what a shard made to its place; tell whether it can be used."""
        self.shard_output(opname).replace(self.output(opname))
        return True

    def command(self, opname: str, output: Path) -> list[str]:
        """Return the driver's command."""
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


def alone(stage: Stage, opname: str, runner: Runner) -> tuple[bool, str]:
    """Run a step for one uop by the driver; return whether it worked, and clang's messages."""
    output = stage.output(opname)
    result = runner.run(stage.command(opname, output), cwd=stage.folder(opname))
    if result.status:
        remove([output])
        killed = f"{opname}: clang was killed by signal {-result.status}\n" if result.status < 0 else ""
        return False, result.stderr + killed
    return True, result.stderr


def shard(
    stage: Stage, opnames: Sequence[str], line: ShardLine, runner: Runner, *, single: Stage | None = None
) -> CompileReport:
    """Run a step for many uops in one process; what it leaves undone is done alone, or in another try.

    *single* says how it is done alone, where that is something else; then only what is said there is told.
    """
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
        done = [opname for opname in done if stage.collect(opname)]
        report.sharded += done
        todo = [opname for opname in todo if opname not in done]
        said = result.stderr if single is None else ""
        if not todo:
            report.messages += said
            break
        # One that fails suppresses those after it, so the first without an output is the one.
        suspect = todo.pop(0)
        report.messages += diagnostics.without(said, suspect)
        report.add(suspect, *alone(single or stage, suspect, runner))
    return report


def each_alone(stage: Stage, opnames: Sequence[str], runner: Runner) -> CompileReport:
    """Run a step for uops by the driver, one after the other."""
    report = CompileReport()
    for opname in opnames:
        report.add(opname, *alone(stage, opname, runner))
    return report


def run_stage(
    stage: Stage, opnames: Sequence[str], line: ShardLine | None, runner: Runner, keep: Keep | None
) -> CompileReport:
    """Run a step for uops: all but the entry in shards, or, without a shard line, each alone.

    *keep* is called after every process of the last step, so that a build that is killed loses little.
    """
    if line is None:
        jobs = [[partial(each_alone, stage, [opname], runner)] for opname in opnames]
    else:
        jobs = []
        for group in deal({opname: stage.plan.cost(opname) for opname in opnames}, runner.jobs):
            # The entry has a command line of its own, so it is a process of its own.
            entry = [opname for opname in group if opname == stage.plan.request.entry]
            uops = [opname for opname in group if opname not in entry]
            jobs.append(
                [partial(each_alone, stage, entry, runner)] * bool(entry)
                + [partial(shard, stage, uops, line, runner)]
            )

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


def shard_line(stage: Stage, uops: Sequence[str], runner: Runner, warn: Warn) -> ShardLine | None:
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

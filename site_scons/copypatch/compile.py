"""The compile step: all stale uops of a build, to objects.

A process per uop is mostly process start, so uops go to clang in shards (:mod:`copypatch.shards`) where that is
proved to give the same bytes. What fails there, and what no shard can take, is compiled alone by the driver,
which also words the error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from copypatch import diagnostics
from copypatch.diagnostics import Locate
from copypatch.errors import CompileError
from copypatch.files import make_folder, read_text, remove, write_if_changed
from copypatch.plan import Plan
from copypatch.process import Runner


@dataclass(slots=True)
class CompileReport:
    """What came of a compile step: uops by how they were made, and clang's words in the user's terms."""

    alone: list[str] = field(default_factory=list)
    sharded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    messages: str = ""

    def add(self, opname: str, ok: bool, messages: str) -> None:
        """Record a uop that was compiled alone."""
        (self.alone if ok else self.failed).append(opname)
        self.messages += messages


def precompile(plan: Plan, runner: Runner) -> str:
    """Write the precompiled include block; return clang's warnings. Raises CompileError with its errors."""
    prefix = plan.paths.prefix
    write_if_changed(prefix, plan.texts.template.prefix)
    # clang writes the file in place of the old one only when it is whole.
    result = runner.run(plan.request.prefix_command(), cwd=prefix.parent)
    # The messages name our copy of the include block, whose lines are the template's.
    messages = result.stderr.replace(f"./{prefix.name}:", f"{prefix.name}:")
    messages = messages.replace(f"{prefix.name}:", f"{plan.texts.template.path}:")
    if result.status:
        raise CompileError(f"{messages.rstrip()}\n{plan.texts.template.path}: its include block does not compile")
    return messages


def locations(plan: Plan, opnames: Sequence[str]) -> dict[str, Locate]:
    """Return for each uop how a line of its source is told in the user's terms."""
    found = {}
    for opname in opnames:
        if opname != plan.request.entry:
            locate = plan.source(opname).locate
            if locate is not None:
                found[opname] = locate
    return found


def compile_alone(plan: Plan, opname: str, runner: Runner) -> tuple[bool, str]:
    """Compile one uop by the driver; return whether it worked, and clang's messages."""
    paths = plan.paths
    folder = paths.source(opname).parent
    entry = plan.request.tree.sources.entry
    source = str(entry) if opname == plan.request.entry else f"./{opname}.c"
    messages = ""
    steps = plan.request.steps(opname)
    for index, step in enumerate(steps):
        last = index + 1 == len(steps)
        output = paths.object(opname) if last else paths.intermediate(opname, step.suffix)
        result = runner.run(plan.compile_command(opname, step, source, str(output)), cwd=folder)
        messages += result.stderr
        if result.status:
            remove([paths.object(opname), output])
            return False, messages + _death(opname, result.status)
        if step.edit is not None:
            write_if_changed(output, step.edit(read_text(output)))
        source = str(output)
    return True, messages


def _death(opname: str, status: int) -> str:
    return f"{opname}: clang was killed by signal {-status}\n" if status < 0 else ""


def compile_uops(plan: Plan, opnames: Sequence[str], runner: Runner) -> CompileReport:
    """Compile uops whose sources and precompiled include block are written. Raises OutputError."""
    report = CompileReport()
    for folder in {path.parent for name in opnames for path in plan.paths.compiled(name, plan.request.steps(name))}:
        make_folder(folder)
    make_folder(plan.paths.prefix.parent)
    for opname, (ok, messages) in zip(
        opnames, runner.map(lambda name: compile_alone(plan, name, runner), opnames), strict=True
    ):
        report.add(opname, ok, messages)
    report.messages = diagnostics.relocate(report.messages, locations(plan, opnames))
    return report

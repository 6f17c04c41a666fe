"""Objects that are ready before ninja asks for them: many stale uops are compiled in shards, in the headers step.

To ninja each object is a command of its own, and a process of clang's for each of hundreds takes three times as
long as a few for all. So the headers step, on which these commands wait, compiles what it finds stale, and the
program that runs clang takes an object that is ready instead. What a uop says when it is compiled, and one that
fails, is left to its own command.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from copypatch.compile import compile_uops
from copypatch.dialects import before_passes
from copypatch.files import remove
from copypatch.ninja import places
from copypatch.paths import Paths
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.shards import FEWEST


def forget(out: str, name: str) -> None:
    """Remove what nobody has taken: it may be of other texts by now. Raises OSError."""
    for kind in ("obj", "s"):
        folder = Path(out, places.ready_folder(name), kind)
        if folder.is_dir():
            remove(folder.iterdir())


def make(plan: Plan, stale: Sequence[str]) -> None:
    """Compile stale uops, if they are many, to where ninja's commands look for them.

    The precompiled include block has to be made already. Raises OutputError.
    """
    entry = plan.request.entry
    single = [opname for opname in stale if len(before_passes(plan.request.steps(opname))) == 1]
    uops = [opname for opname in single if opname != entry]
    if not plan.request.shards or len(uops) < FEWEST:
        return
    # While this step runs, ninja has nothing else to run.
    runner = Runner(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    outputs = Paths(plan.request.out / places.ready_folder(plan.request.name))
    report = compile_uops(
        plan,
        uops,
        runner,
        warn=_to_nobody,
        keep=_keep_nothing,
        prefix=lambda: "",
        outputs=outputs,
        to_passes=True,
    )
    # Whom an unclear message is about is not known.
    doubtful = report.warned if report.warned or not report.messages.strip() else uops
    remove(outputs.compiler_output(opname, plan.request.steps(opname)) for opname in {*doubtful, *report.failed})


def _to_nobody(_message: str) -> None:
    """Without shards ninja's own commands do it."""


def _keep_nothing(_opnames: Sequence[str], _messages: str) -> None:
    """An object that is not taken is no loss."""

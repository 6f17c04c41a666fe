"""What the stencils step does where passes of the tree work on assembly: from that to objects.

ninja knows the compiler's commands. The tree's passes are one process for all uops, and so is the assembler, so
both are part of the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from copypatch import steps
from copypatch.compile import assemble_uops
from copypatch.context import Context
from copypatch.freshness import is_made
from copypatch.plan import Plan


def assemble(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Make the objects of uops, where they are not what would be made of their assembly now.

    One that cannot be made is reported and leaves nothing behind. Raises TreeError, OutputError.
    """
    report = context.report
    made = assemble_uops(plan, opnames, context.runner, warn=report.console.warn, settled=partial(is_made, plan))
    report.console.show(made.messages)
    for opname in made.failed:
        steps.discard(plan, opname)
        report.fail(plan.request.name, opname)

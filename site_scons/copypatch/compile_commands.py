"""compile_commands.json: how an editor's clangd is to read the template, the entry and each uop's source.

https://clang.llvm.org/docs/JSONCompilationDatabase.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from copypatch import steps
from copypatch.context import Context
from copypatch.expansion import SHARED_OPCODE
from copypatch.files import write_if_changed
from copypatch.plan import Plan
from copypatch.template import OPCODE_MACRO, PLACEHOLDER

FILE = "compile_commands.json"


def write(out: Path, plans: Sequence[Plan], context: Context) -> Path:
    """Write the database of *plans*, and the sources that it names; return its path. Raises OutputError."""
    for plan in plans:
        steps.write_sources(plan, [name for name in plan.opnames if name != plan.request.entry], context)
        write_if_changed(plan.paths.prefix, plan.texts.template.prefix)
    entries = [*_of_tree(plans[0]), *(entry for plan in plans for entry in _of_uops(plan))]
    write_if_changed(out / FILE, json.dumps(entries, indent=1) + "\n")
    return out / FILE


def _of_tree(plan: Plan) -> Iterator[dict[str, object]]:
    """The files of the tree itself, as the first target compiles them."""
    sources, request = plan.request.tree.sources, plan.request
    uop = next(name for name in plan.opnames if name != request.entry)
    # The word that a uop's case takes the place of; in a uop's own source, it has.
    case = (
        (f"-D{PLACEHOLDER}=case {uop}: break;",)
        if re.search(rf"\b{PLACEHOLDER}\b", plan.texts.template.rest)
        else ()
    )
    for path, opcode, more in ((sources.template, uop, case), (sources.entry, request.entry, ())):
        yield _entry(path, request.command(f"-D{OPCODE_MACRO}={opcode}", *more, "-c", str(path)))


def _of_uops(plan: Plan) -> Iterator[dict[str, object]]:
    request = plan.request
    # As text: clangd is seldom of the very version that made our precompiled header.
    shared = ("-include", plan.paths.prefix.name) if plan.expansion.shares_prefix else ()
    for opname in plan.opnames:
        if opname != request.entry:
            path = plan.paths.source(opname)
            yield _entry(
                path, request.command(f"-D{OPCODE_MACRO}={SHARED_OPCODE}", *shared, "-c", f"./{path.name}")
            )


def _entry(path: Path, command: Sequence[str]) -> dict[str, object]:
    return {"directory": str(path.parent), "file": str(path), "arguments": list(command)}

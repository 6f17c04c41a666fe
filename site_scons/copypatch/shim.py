"""The shim of 3.15 and later: an object that is linked into the interpreter, and how it is unwound.

The tree's own code compiles it and reads its unwind information (:mod:`copypatch.tree_engine`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from copypatch import records
from copypatch.files import digest, digest_file, holds, make_folder, write_if_changed
from copypatch.keys import Key
from copypatch.plan import Plan
from copypatch.triples import ObjectFormat

# Beside the header that picks a target's stencils.
DISPATCHER = "jit_unwind_info.h"


def outputs(plan: Plan) -> tuple[Path, ...]:
    """Return where the object and the header about its unwinding go; nothing where the entry is a stencil."""
    if not plan.request.tree.dialect.linked_entry:
        return ()
    return _outputs(plan)


def _outputs(plan: Plan) -> tuple[Path, Path]:
    out, triple = plan.request.out, plan.request.target.triple
    return out / f"jit_shim-{triple}.o", out / f"jit_unwind_info-{triple}.h"


def is_current(plan: Plan) -> bool:
    """Tell whether both outputs are what would be made now. Raises OSError."""
    lines = _known(plan)
    return lines is not None and holds(_outputs(plan)[1], _header(plan, lines))


def make(plan: Plan) -> None:
    """Make sure of both outputs. Raises TreeError with what the compiler or the tree's code said, OutputError."""
    lines = _known(plan)
    target, header = _outputs(plan)
    if lines is None:
        made = make_folder(plan.paths.folder / "shim") / target.name
        lines = list(plan.request.engine.ask_one("shim", str(made.absolute()))["lines"])
        write_if_changed(target, made.read_bytes())
        record = {"key": _key(plan), "object": digest_file(target), "lines": lines}
        records.save(_record(plan), record)
    write_if_changed(header, _header(plan, lines))


def _record(plan: Plan) -> Path:
    return plan.paths.folder / "shim.json"


def _known(plan: Plan) -> list[str] | None:
    """Return the lines about unwinding, where the object on disk is the one that they are about, and up to date."""
    try:
        record = records.load(_record(plan))
        if record["key"] == _key(plan) and record["object"] == digest_file(_outputs(plan)[0]):
            return [str(line) for line in record["lines"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def _header(plan: Plan, lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in [*plan.request.first_lines(), "", *lines])


def _key(plan: Plan) -> str:
    request = plan.request
    passes = request.tree.dialect.passes
    key = Key("shim")
    key.add("compiler", request.identity)
    key.add("flags", json.dumps([*(flag.symbolic() for flag in request.flags), *request.cflags]))
    key.add("code", "" if passes is None else passes.shim)
    text = plan.expansion.digests.get(request.entry, "")
    if request.target.platform.object_format is ObjectFormat.COFF or not text:
        # There it is compiled with other macros than the uops, so the headers themselves count.
        text = digest(plan.expansion.written + digest_file(request.tree.sources.entry))
    key.add("text", text)
    return key.hexdigest()

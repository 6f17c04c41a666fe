"""The headers that pick a target's among those of several, by what the C compiler says it compiles for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from copypatch import merge, shim
from copypatch.files import write_if_changed
from copypatch.plan import Plan


def paths(path: Path, plans: Sequence[Plan]) -> list[Path]:
    """Return the dispatching headers of *plans*; *path* is the one for their stencils.

    Where a target has a second header, so has the dispatching header.
    """
    return [path, *(path.with_name(shim.DISPATCHER) for plan in plans[:1] if shim.outputs(plan))]


def texts(path: Path, plans: Sequence[Plan]) -> dict[Path, str]:
    """Return the texts of these headers by file."""
    picked = zip(*([plan.request.header, *shim.outputs(plan)[1:]] for plan in plans), strict=True)
    return {file: _text(plans, headers) for file, headers in zip(paths(path, plans), picked, strict=True)}


def _text(plans: Sequence[Plan], headers: Sequence[Path]) -> str:
    targets = [plan.request.target for plan in plans]
    named = list(zip(targets, (header.name for header in headers), strict=True))
    return merge.dispatcher([plans[0].request.command_line(targets)], named)


def write(path: Path, plans: Sequence[Plan]) -> bool:
    """Write them; return whether any changed. Raises OutputError."""
    written = [write_if_changed(file, text) for file, text in texts(path, plans).items()]
    return any(written)

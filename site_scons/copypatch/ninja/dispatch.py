"""The step that writes the header which picks the target's."""

from __future__ import annotations

from pathlib import Path

from copypatch import expansion as expander
from copypatch import steps
from copypatch.errors import NinjaError
from copypatch.ninja import places, requests
from copypatch.plan import Plan


def run(out: str) -> None:
    """Write the dispatcher of all plans. Raises CopypatchError, OSError."""
    plans = []
    for name in places.load(f"{out}/{places.SETTINGS}").get("plans", {}):
        request = requests.load(out, name)
        expansion = expander.load(request.paths.expansion)
        if expansion is None:
            raise NinjaError(f"{request.paths.expansion}: lost or damaged; run `scons ninja` again")
        plans.append(Plan(request, requests.texts(request), expansion))
    steps.write_dispatcher(Path(out, "jit_stencils.h"), plans)

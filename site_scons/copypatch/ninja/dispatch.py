"""The step that writes the header which picks the target's."""

from __future__ import annotations

from pathlib import Path

from copypatch import dispatchers
from copypatch.ninja import places, requests


def run(out: str) -> None:
    """Write the dispatcher of all plans. Raises CopypatchError, OSError."""
    plans = [requests.plan(out, name) for name in places.load(f"{out}/{places.SETTINGS}").get("plans", {})]
    dispatchers.write(Path(out, plans[0].request.tree.dialect.dispatcher), plans)

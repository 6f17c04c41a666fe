"""What every step of a build needs besides its plan."""

from __future__ import annotations

from dataclasses import dataclass

from copypatch.cache import Store
from copypatch.process import Runner
from copypatch.report import Report


@dataclass(frozen=True, slots=True)
class Context:
    """How to run programs, where to report, and what may be there already."""

    runner: Runner
    report: Report
    store: Store

"""What every step of a build needs besides its plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from copypatch.ahead import Ahead
from copypatch.cache import Store
from copypatch.process import Runner
from copypatch.report import Report


@dataclass(frozen=True, slots=True)
class Context:
    """How to run programs, where to report, what may be there already, and what was begun ahead of its step.

    *whole_chain*: every artefact is wanted, so an object alone, as the cache has it, does not do where something
    comes between it and the C text.
    """

    runner: Runner
    report: Report
    store: Store
    ahead: Ahead = field(default_factory=Ahead)
    whole_chain: bool = False

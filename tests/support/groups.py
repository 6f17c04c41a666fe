"""A pytest plugin: in CI, a group of tests that was skipped as a whole fails the run.

Tests that need a tool are skipped where it is missing. On a machine that is to have the tool, a group of which
nothing ran would look like one that passed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

GROUPS = ("build", "oracle")


@dataclass
class Group:
    """What became of the tests with one marker: how many ran, and why the others did not."""

    ran: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether there were tests, and all were skipped."""
        return not self.ran and bool(self.reasons)


class Groups:
    """Watches the tests' reports; registered by conftest.py."""

    def __init__(self, names: Iterable[str] = GROUPS, environ: Mapping[str, str] = os.environ) -> None:
        self.groups = {name: Group() for name in names}
        self.ci = environ.get("CI", "").lower() not in ("", "0", "false")

    def idle(self) -> dict[str, Group]:
        """The groups that fail the run."""
        return {name: group for name, group in self.groups.items() if group.idle} if self.ci else {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether a test ran. A skip is one report, in set-up or while it runs."""
        for name, group in self.groups.items():
            if name in report.keywords:
                if report.skipped and not hasattr(report, "wasxfail"):
                    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
                    reason = reason.removeprefix("Skipped: ")
                    group.reasons[reason] = group.reasons.get(reason, 0) + 1
                elif report.when == "call" or report.failed:
                    group.ran += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Turn a success into a failure."""
        if hasattr(session.config, "workerinput"):
            # One of several processes: it sees a part of the tests, and the one that started it sees all reports.
            return
        if exitstatus == pytest.ExitCode.OK and self.idle():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which groups, and why."""
        for name, group in self.idle().items():
            terminalreporter.section(f"all tests marked {name} were skipped, which fails the run in CI", red=True)
            for reason, count in sorted(group.reasons.items()):
                terminalreporter.write_line(f"{count} x {reason}")

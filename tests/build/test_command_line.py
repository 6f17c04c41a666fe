"""`scons -h`, and how a build talks: plain lines in a log, and one closing line."""

from __future__ import annotations

import re

import pytest

from support.scons import Scons

pytestmark = pytest.mark.build


def test_help(bare_scons: Scons) -> None:
    done = bare_scons.ok("-h")
    for name in (
        "cpython=DIR",
        "pyconfig=DIR",
        "target=T1,T2",
        "debug=0|1",
        'cflags="..."',
        "llvm=N|DIR",
        "out=DIR",
    ):
        assert re.search(rf"^  {re.escape(name)} +\w", done.stdout, re.MULTILINE), name
    for target in ("(none)", "run", "verify"):
        assert re.search(rf"^  {re.escape(target)} +\w", done.stdout, re.MULTILINE), target


def test_a_log_has_plain_lines(build: Scons) -> None:
    done = build.ok()
    assert "\033" not in done.output
    assert "\r" not in done.output
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("copypatch: 19 uops: ")
    assert len(lines) < 20, "a line a uop is no log"
    quiet = build.ok("-Q")
    assert quiet.stdout.splitlines()[-1].startswith("copypatch: 19 uops: 19 up to date")


def test_messages_go_to_standard_error(build: Scons) -> None:
    done = build.ok()
    assert "warning: equality comparison result unused" in done.stderr
    assert "warning:" not in done.stdout

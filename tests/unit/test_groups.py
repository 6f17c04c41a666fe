"""In CI, a group of tests of which none ran fails the suite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.trees import ROOT

_CONFTEST = """
from support.groups import Groups

def pytest_configure(config):
    for marker in ("build", "oracle"):
        config.addinivalue_line("markers", f"{marker}: a group")
    config.pluginmanager.register(Groups())
"""
_SKIPPED = """
import pytest

@pytest.mark.build
def test_one():
    pytest.skip("no compiler here")

@pytest.mark.build
@pytest.mark.skip(reason="no tree here")
def test_two():
    pass

def test_of_no_group():
    pass
"""
_RAN = """
import pytest

@pytest.mark.build
def test_three():
    pass
"""
_FAILED = _RAN.replace("pass", "assert False")


@pytest.mark.parametrize(
    ("ci", "tests", "processes", "status"),
    [
        ("true", [_SKIPPED], 0, 1),
        ("true", [_SKIPPED], 2, 1),
        ("1", [_SKIPPED, _RAN], 0, 0),
        ("1", [_SKIPPED, _RAN], 2, 0),
        ("1", [_SKIPPED, _FAILED], 0, 1),
        ("", [_SKIPPED], 0, 0),
        ("false", [_SKIPPED], 0, 0),
    ],
    ids=["all skipped", "all, in two processes", "one ran", "one in two processes", "one failed", "no CI", "off"],
)
def test_a_group_that_was_skipped_as_a_whole(
    tmp_path: Path, ci: str, tests: list[str], processes: int, status: int
) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST, encoding="utf-8")
    for index, text in enumerate(tests):
        (tmp_path / f"test_{index}.py").write_text(text, encoding="utf-8")
    environ = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT / "tests"), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            f"-n{processes}",
            "--dist=loadfile",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout
    failed = "all tests marked build were skipped" in done.stdout
    assert failed == (ci == "true")
    if failed:
        assert "1 x no compiler here" in done.stdout
        assert "1 x no tree here" in done.stdout
        assert "marked oracle" not in done.stdout

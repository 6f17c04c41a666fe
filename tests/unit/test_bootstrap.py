"""The set-up's decisions. That it works as a whole, .ci/run shows on every machine that runs it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import bootstrap


@pytest.fixture
def environment(tmp_path: Path) -> bootstrap.Environment:
    """An environment that looks complete and holds the packages of RUN."""
    made = bootstrap.Environment(tmp_path / "a venv")
    made.tool("python").parent.mkdir(parents=True)
    made.tool("python").symlink_to(sys.executable)
    write_stamp(made)
    return made


def write_stamp(environment: bootstrap.Environment, **changes: object) -> None:
    stamp = {
        "folder": str(environment.folder),
        "python": os.path.realpath(sys.executable),
        "groups": {bootstrap.RUN: bootstrap.lock_digest(bootstrap.RUN)},
    }
    environment.stamp.write_text(json.dumps({**stamp, **changes}), encoding="utf-8")


def test_a_complete_environment_is_left_alone(environment: bootstrap.Environment) -> None:
    assert environment.has([bootstrap.RUN])
    assert not environment.ensure([bootstrap.RUN])
    assert not environment.has([bootstrap.RUN, bootstrap.DEV])


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"folder": "/elsewhere"}, id="moved"),
        pytest.param({"python": "/usr/bin/python3.9"}, id="another Python"),
        pytest.param({"groups": {bootstrap.RUN: "0" * 64}}, id="another lock"),
        pytest.param({"groups": {"of-old": "0" * 64}}, id="a lock that has gone"),
        pytest.param({"groups": None}, id="nonsense"),
    ],
)
def test_an_outdated_environment_counts_as_none(
    environment: bootstrap.Environment, changes: dict[str, object]
) -> None:
    write_stamp(environment, **changes)
    assert environment.installed() == {}


def test_an_interrupted_set_up_counts_as_none(environment: bootstrap.Environment) -> None:
    environment.stamp.unlink()
    assert environment.installed() == {}
    environment.stamp.write_text('{"folder": ', encoding="utf-8")
    assert environment.installed() == {}


def test_an_environment_without_its_python_counts_as_none(environment: bootstrap.Environment) -> None:
    environment.tool("python").unlink()
    assert environment.installed() == {}


def test_a_folder_of_the_users_is_not_touched(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious", encoding="utf-8")
    with pytest.raises(bootstrap.SetupError, match="was not made by bootstrap"):
        bootstrap.Environment(tmp_path).ensure([bootstrap.RUN])
    assert mine.read_text(encoding="utf-8") == "precious"


def test_what_leads_pip_astray_is_dropped_and_the_way_to_the_packages_kept() -> None:
    environ = {
        "PIP_TARGET": "/usr/lib",
        "PIP_USER": "1",
        "PIP_CONSTRAINT": "old.txt",
        "PYTHONPATH": "/old",
        "PYTHONHOME": "/usr",
        "PIP_INDEX_URL": "file:///mirror",
        "PIP_PROXY": "proxy",
        "PATH": "/bin",
    }
    assert bootstrap.clean_environ(environ) == {
        "PIP_INDEX_URL": "file:///mirror",
        "PIP_PROXY": "proxy",
        "PATH": "/bin",
    }


def test_no_compiler_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.SetupError, match="apt install build-essential"):
        bootstrap.require_compiler()


def locked_versions(group: str) -> dict[str, str]:
    lines = bootstrap.lock_file(group).read_text(encoding="utf-8").splitlines()
    pins = (line.removesuffix(" \\").partition("==") for line in lines if line and line[0] not in " #")
    return {name: version for name, _, version in pins}


@pytest.mark.parametrize("group", [bootstrap.RUN, bootstrap.DEV, bootstrap.LLVM, "llvm-18"])
def test_a_lock_has_hashes_and_names_no_registry(group: str) -> None:
    text = bootstrap.lock_file(group).read_text(encoding="utf-8")
    assert len(locked_versions(group)) > 2
    assert text.count("--hash=sha256:") >= len(locked_versions(group))
    assert "://" not in text
    assert "--index-url" not in text


def test_the_locks_agree() -> None:
    """dev holds all of run, and LLVM can be added to either."""
    run, dev, llvm = (locked_versions(group) for group in (bootstrap.RUN, bootstrap.DEV, bootstrap.LLVM))
    assert run.items() <= dev.items()
    assert all(dev[name] == version for name, version in llvm.items() if name in dev)

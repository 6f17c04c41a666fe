"""The spare does the stencils step's work as the step would, and whatever happens to it, the work is done."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from support import trees
from support.clang import replaced
from support.ninja import Ninja
from support.scons import Scons
from support.trees import ROOT

pytestmark = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="a system without /proc: nobody would see spares"
)

# What stands for ninja: the parent of the split, which starts the spare, and of the step, which asks it.
_STARTS = """
import os, sys
from copypatch.ninja import spare

def work():
    print("done by", os.getpid(), flush=True)
    print("a word to stderr", file=sys.stderr, flush=True)
    {before}
    return 3

def prepare(is_told):
    return work if is_told() and is_told() else None

teller = spare.start("plan", prepare)
if "edited" in sys.argv:
    teller.edited()
if "unwanted" not in sys.argv:
    teller.wanted()
"""
_ASKS = """
import os
from copypatch.ninja import spare
with open("lock", "ab") as lock:
    print("status", spare.ask("plan", lock.fileno()), "me", os.getpid(), flush=True)
"""


class _Steps:
    """Runs steps as this process's children, as ninja runs its own."""

    environ: ClassVar = {**os.environ, "PYTHONPATH": str(ROOT / "site_scons")}

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "uops" / "plan").mkdir(parents=True)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=self._folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    def start(self, before: str = "pass") -> int:
        """Start a spare; return its number once it can be asked."""
        self.run(_STARTS.replace("{before}", before))
        wait_until(lambda: bool(self.sockets()))
        (pid,) = self.spares()
        return pid

    def sockets(self) -> list[Path]:
        return sorted((self._folder / "uops" / "plan").glob("spare-*"))

    def spares(self) -> list[int]:
        """The spares of this folder that are alive."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cwd").readlink() == self._folder and b"spare.start" in (
                    process / "cmdline"
                ).read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue
        return found


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that takes a moment."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def steps(tmp_path: Path) -> _Steps:
    return _Steps(tmp_path)


def test_it_works_in_the_place_of_the_step(steps: _Steps) -> None:
    pid = steps.start()
    asked = steps.run(_ASKS)
    assert f"done by {pid}\n" in asked.stdout
    assert "status 3 " in asked.stdout
    assert asked.stderr == "a word to stderr\n"
    assert not steps.sockets()
    # Once only: who asks again has to work.
    assert "status None" in steps.run(_ASKS).stdout


@pytest.mark.parametrize("before", ["os.kill(os.getpid(), 9)", "raise ValueError"], ids=["killed", "a bug"])
def test_one_that_dies_at_work_leaves_it_to_the_step(steps: _Steps, before: str) -> None:
    steps.start(before)
    assert "status None" in steps.run(_ASKS).stdout


def test_one_that_was_killed_leaves_the_work_to_the_step(steps: _Steps) -> None:
    os.kill(steps.start(), signal.SIGKILL)
    assert "status None" in steps.run(_ASKS).stdout
    # What it has left is no hindrance to the next one.
    steps.start()
    assert "status 3" in steps.run(_ASKS).stdout


def test_it_keeps_the_lock_of_a_step_that_is_killed(steps: _Steps, tmp_path: Path) -> None:
    steps.start("open('begun', 'w').close(); import time; time.sleep(1)")
    locks = _ASKS.replace('print("status"', 'import fcntl; fcntl.flock(lock, fcntl.LOCK_SH); print("status"')
    step = subprocess.Popen([sys.executable, "-c", locks], cwd=tmp_path, env=steps.environ)
    wait_until((tmp_path / "begun").exists)
    step.kill()
    step.wait()
    with (tmp_path / "lock").open("ab") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It is let go when the work is done.
        fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.mark.parametrize("told", [[], ["edited"]])
def test_one_that_is_not_wanted_goes(steps: _Steps, told: list[str]) -> None:
    steps.run(_STARTS.replace("{before}", "pass"), "unwanted", *told)
    wait_until(lambda: not steps.spares())
    assert not steps.sockets()
    assert "status None" in steps.run(_ASKS).stdout


def test_it_goes_when_ninja_is_gone(steps: _Steps) -> None:
    ninja = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    steps.run(ninja, _STARTS.replace("{before}", "pass"))
    wait_until(lambda: not steps.spares())
    assert not steps.sockets()


@pytest.mark.build
def test_an_edit_is_finished_by_the_spare(home: Path, tmp_path: Path, llvm_19: Path, tree: Path) -> None:
    project = trees.copy_project(tmp_path / "project")
    step = project / "site_scons" / "copypatch" / "ninja" / "stencils.py"
    trees.edit(
        step, "    settings = places", '    print("a spare:", os.getsid(0) == os.getpid())\n    settings = places'
    )
    # On a machine with too much to do the spare may come too late.
    busy = tmp_path / "busy"
    slow = replaced(tmp_path / "llvm", llvm_19, clang=f"[ ! -e '{busy}' ] || sleep 2\nREAL")
    out = tmp_path / "out"
    scons = Scons(home, project, {"out": out, "cpython": tree, "llvm": slow})
    scons.ok("ninja")
    ninja = Ninja(scons, out)
    ninja.ok()
    busy.touch()
    trees.edit(trees.cases_file(tree), '"interrupted"', '"stopped"')
    assert "a spare: True" in ninja.ok()
    busy.unlink()
    assert ninja.is_like_scons()
    assert not list(out.glob("uops/*/spare-*"))

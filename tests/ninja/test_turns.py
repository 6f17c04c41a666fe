"""scons and ninja in turn on one folder, two at once, and runs that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.ninja import Ninja
from support.scons import Scons

pytestmark = pytest.mark.build

Edit = Callable[[str, str, str], None]
CASES = "Python/executor_cases.c.h"


def test_scons_first(ninja: Ninja, clang: CountedLLVM, edit: Edit) -> None:
    """What scons has built, ninja finds, whatever its log says of it."""
    edit(CASES, '"interrupted"', '"stopped"')
    edit("Include/refcount.h", "REFERENCE 1", "REFERENCE 2")
    ninja.scons.ok()
    clang.forget()
    ninja.ok()
    assert not clang.compiled()
    assert ninja.idle()
    assert ninja.is_like_scons()


def test_another_build_of_the_same_headers(ninja: Ninja, clang: CountedLLVM) -> None:
    """A debug build by scons, or one with other flags, leaves its header where ninja's is to be."""
    ninja.scons.ok(debug="1")
    clang.forget()
    ninja.ok()
    assert not clang.compiled()
    assert ninja.is_like_scons()
    ninja.scons.ok(cflags="-O1")
    ninja.ok()
    assert ninja.is_like_scons()
    assert ninja.idle()


def test_scons_restores_what_ninja_needs(ninja: Ninja, clang: CountedLLVM, edit: Edit, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    ninja.scons.ok(cache=cache, out=str(tmp_path / "elsewhere"))
    edit(CASES, '"interrupted"', '"stopped"')
    ninja.scons.ok(cache=cache, out=str(tmp_path / "elsewhere"))
    clang.forget()
    ninja.scons.ok(cache=cache)
    ninja.ok()
    assert not clang.compiled()
    assert ninja.is_like_scons()


def test_an_object_alone_does_not_do_for_ninja(
    minitree: Callable[[str], Path], place: Callable[[str], Path], home: Path, tmp_path: Path
) -> None:
    """Where IR or assembly comes before the object, the cache has not all that ninja goes by."""
    out, cache = tmp_path / "out", str(tmp_path / "cache")
    variables: dict[str, str | Path] = {
        "cpython": minitree("3.13"),
        "llvm": place(trees.LLVM["3.13"]),
        "cache": cache,
        "out": out,
    }
    scons = Scons(home, variables=variables)
    scons.ok(out=tmp_path / "elsewhere")
    scons.ok("ninja")
    assert scons.ok().counts.restored == 0
    ninja = Ninja(scons, out)
    ninja.ok()
    assert ninja.idle()
    assert scons.ok().counts.compiled == 0
    assert ninja.is_like_scons()


def test_a_failed_build_of_scons(ninja: Ninja, edit: Edit) -> None:
    edit(CASES, '"interrupted"', '"stopped"')
    edit(CASES, "tstate->counts[0] = 0;", "tstate->counts[0] = ;")
    assert ninja.scons().status != 0
    assert ninja().status != 0
    edit(CASES, "tstate->counts[0] = ;", "tstate->counts[0] = 3;")
    ninja.ok()
    assert ninja.is_like_scons()


def test_killed_at_any_moment(ninja: Ninja, tree: Path) -> None:
    chance = random.Random(6)
    cases, header = trees.cases_file(tree), tree / "Include" / "refcount.h"
    texts = {path: path.read_text(encoding="utf-8") for path in (cases, header)}
    for number in range(int(os.environ.get("COPYPATCH_NINJA_KILLS", "6"))):
        cases.write_text(texts[cases].replace('"interrupted"', f'"stopped {number % 3}"'), encoding="utf-8")
        if chance.random() < 0.5:
            text = texts[header].replace("REFERENCE 1", f"REFERENCE {number % 2 + 1}")
            header.write_text(text, encoding="utf-8")
        run = subprocess.Popen(
            ninja.command(),
            env=ninja.scons.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.random() * 0.8)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    ninja.ok()
    assert ninja.is_like_scons()
    assert ninja.scons.ok().counts.compiled == 0


def test_two_at_once(ninja: Ninja, tree: Path) -> None:
    cases = trees.cases_file(tree)
    text = cases.read_text(encoding="utf-8")
    runs = []
    for number in range(3):
        cases.write_text(text.replace('"interrupted"', f'"stopped {number}"'), encoding="utf-8")
        command = ninja.scons.command() if number == 1 else ninja.command()
        runs.append(
            subprocess.Popen(
                command,
                cwd=ninja.scons.project,
                env=ninja.scons.environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        time.sleep(0.1)
    for run in runs:
        # One that finds the file changed under it says so and fails; none may leave anything wrong.
        run.wait(timeout=120)
    ninja.ok()
    assert ninja.is_like_scons()
    assert ninja.scons.ok().counts.compiled == 0

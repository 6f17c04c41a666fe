"""Outputs that were deleted, damaged or cleaned away; dry runs; what the tree of nodes looks like."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.scons import Scons, objects, remade, snapshot, texts

pytestmark = pytest.mark.build

# Each kind of node, by the pattern of its files under out/uops/<plan>/.
KINDS = {
    "source": "src/_ADD.c",
    "prefix": "src/copypatch-prefix.h",
    "precompiled header": "src/copypatch-prefix.pch",
    "object": "obj/_ADD.o",
    "object of the entry": "obj/shim.o",
    "sections": "json/_ADD.json",
    "disassembly": "dis/_ADD.dis",
    "holes": "holes/_ADD.holes.json",
    "fragment": "fragments/_ADD.h",
    "expansion": "expansion.json",
    "header": "../../jit_stencils-x86_64-unknown-linux-gnu.h",
    "dispatching header": "../../jit_stencils.h",
    "toolchain": "../toolchain.json",
}


@pytest.fixture
def plan(build: Scons, out: Path) -> Path:
    """The folder of the one plan of a finished build."""
    build.ok()
    (folder,) = out.glob("uops/*-release")
    return folder


@pytest.fixture(params=KINDS)
def victim(plan: Path, request: pytest.FixtureRequest) -> Path:
    """One file of each kind."""
    path = plan / KINDS[request.param]
    assert path.is_file()
    return path


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garble(path: Path) -> None:
    path.write_bytes(b"\0garbage")


@pytest.mark.parametrize("harm", [Path.unlink, _truncate, _garble], ids=["deleted", "truncated", "garbled"])
def test_a_harmed_output_is_made_again(build: Scons, out: Path, victim: Path, harm: Callable[[Path], None]) -> None:
    headers = texts(out)
    harm(victim)
    done = build.ok()
    assert not done.has_traceback, done.output
    assert done.counts.compiled <= 1
    assert texts(out) == headers
    # Deleted intermediate files need not come back, but a build after this one has nothing left to do.
    before = snapshot(out)
    assert build.ok().counts.compiled == 0
    assert snapshot(out) == before


def test_scons_database_is_damaged(build: Scons, out: Path, plan: Path) -> None:
    # With graph=auto SCons has no database.
    build.ok("graph=full")
    headers = texts(out)
    (database,) = (out / "uops").glob("sconsign*")
    _garble(database)
    done = build.ok("graph=full")
    # SCons itself warns of it, with the place in its code.
    assert "Traceback" not in done.output
    assert texts(out) == headers


def test_all_but_the_headers_is_gone(build: Scons, out: Path, plan: Path) -> None:
    before = snapshot(out)
    shutil.rmtree(plan)
    build.ok()
    # Nothing changed in them, so neither do their times.
    assert snapshot(out) == before


def test_clean(build: Scons, out: Path, plan: Path) -> None:
    headers = texts(out)
    done = build.ok("-c")
    assert not headers.keys() & texts(out).keys()
    assert not objects(out)
    assert not list(plan.glob("**/*"))
    assert "Traceback" not in done.output
    assert build.ok().counts.fresh == 0
    assert texts(out) == headers


def test_clean_leaves_what_is_not_ours(build: Scons, out: Path, plan: Path) -> None:
    other = out / "notes.txt"
    other.write_text("mine", encoding="utf-8")
    build.ok("-c")
    assert other.read_text(encoding="utf-8") == "mine"


def test_dry_run_of_a_first_build(build: Scons, out: Path) -> None:
    done = build.ok("-n")
    assert not texts(out)
    assert not objects(out)
    assert "Traceback" not in done.output


def test_dry_run_after_an_edit(build: Scons, out: Path, plan: Path, edit: Callable[[str, str, str], None]) -> None:
    headers, compiled = snapshot(out), objects(out)
    sources = snapshot(plan, "src/*.c")
    edit("Python/executor_cases.c.h", '"interrupted"', '"stopped"')
    build.ok("-n")
    assert snapshot(out) == headers
    assert snapshot(plan, "src/*.c") == sources
    assert not remade(compiled, out)
    build.ok()
    assert remade(compiled, out) == {"_CHECK_INTERRUPT"}


def test_tree(build: Scons, plan: Path) -> None:
    done = build.ok("--tree=all")
    shown = done.stdout
    name = plan.name
    for opname in ("_NOP", "_ADD", "shim"):
        chain = [
            f"uops/{name}/fragments/{opname}.h",
            f"uops/{name}/holes/{opname}.holes.json",
            f"uops/{name}/json/{opname}.json",
            f"uops/{name}/obj/{opname}.o",
        ]
        if opname != "shim":
            chain += [f"uops/{name}/src/{opname}.c", "Python/executor_cases.c.h"]
        position = 0
        indent = -1
        for path in chain:
            at = shown.find(path, position)
            assert at >= 0, f"{path} is not below the one before"
            line = shown[shown.rfind("\n", 0, at) + 1 : at]
            assert line.index("+-") > indent, f"{path} is not a child"
            indent, position = line.index("+-"), at
        assert f"uops/{name}/dis/{opname}.dis" in shown
    assert f"uops/{name}/src/copypatch-prefix.pch" in shown


def test_one_target_alone(build: Scons, out: Path) -> None:
    """A node can be asked for by its path; what it needs is built, and no header."""
    build.ok(str(out / "uops" / "x86_64-unknown-linux-gnu-release" / "holes" / "_ADD.holes.json"))
    assert set(objects(out)) >= {"_ADD"}
    assert not texts(out)

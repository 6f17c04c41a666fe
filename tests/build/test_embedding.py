"""The tool from other SConstructs, from other folders, and with trees in awkward places."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import trees
from support.scons import Scons, texts

pytestmark = pytest.mark.build

_PSEUDO_BUILDER = """
env = Environment(tools=["copypatch"], toolpath=[{toolpath!r}])
session = env.StencilSession(cpython="tree", llvm={llvm!r}, out="out", cache="off")
headers = env.JitStencils(session)
Default(headers)
env.Install("installed", headers)
"""

_SINGLE_BUILDERS = """
env = Environment(tools=["copypatch"], toolpath=[{toolpath!r}])
session = env.StencilSession(cpython="tree", llvm={llvm!r}, out="out", cache="off")
plan = session.plans[0]
env = env.Clone(STENCIL_SESSION=session, STENCIL_PLAN=plan)
paths = plan.paths
prefix = env.UopPrefix([str(paths.precompiled), str(paths.prefix)], [str(plan.request.tree.sources.template)])
source = env.UopSource(str(paths.source("_ADD")), [str(plan.request.tree.sources.cases)])
compiled = env.UopObject(str(paths.object("_ADD")), [*source, *prefix])
sections = env.UopSections([str(paths.sections("_ADD")), str(paths.disassembly("_ADD"))], compiled)
holes = env.UopHoles(str(paths.holes("_ADD")), sections)
Default(env.UopFragment(str(paths.fragment("_ADD")), holes))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of another project, with a tree in it."""
    folder = tmp_path / "project"
    trees.make(folder / "tree", "3.14")
    return folder


def _write(project: Path, text: str, llvm: Path) -> Path:
    toolpath = str(trees.ROOT / "site_scons" / "site_tools")
    (project / "SConstruct").write_text(text.format(toolpath=toolpath, llvm=str(llvm)), encoding="utf-8")
    return project


def _scons(home: Path, project: Path) -> Scons:
    # Another SConstruct has variables of its own, and none of ours.
    return Scons(home, project)


def _run(home: Path, project: Path, *arguments: str) -> str:
    scons = _scons(home, project)
    command = [word for word in scons.command(*arguments) if word != "cache=off"]
    done = scons.run(command)
    assert done.status == 0, done.output
    return done.output


def test_the_pseudo_builder(home: Path, project: Path, llvm_19: Path, build: Scons, out: Path) -> None:
    _write(project, _PSEUDO_BUILDER, llvm_19)
    _run(home, project)
    build.ok(llvm=llvm_19)
    assert texts(project / "out") == texts(out)
    before = {path: path.stat().st_mtime_ns for path in (project / "out").glob("*.h")}
    _run(home, project)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    _run(home, project, "installed")
    assert texts(project / "installed") == texts(out)


def test_single_builders(home: Path, project: Path, llvm_19: Path, build: Scons, out: Path) -> None:
    _write(project, _SINGLE_BUILDERS, llvm_19)
    _run(home, project)
    build.ok(llvm=llvm_19)
    pattern = "uops/*/fragments/_ADD.h"
    assert texts(project / "out", pattern) == texts(out, pattern)
    assert len(texts(project / "out", "uops/*/fragments/*.h")) == 1
    trees.edit(
        trees.cases_file(project / "tree"),
        "tstate, stack_pointer[-2], stack_pointer[-1]);\n            if",
        "tstate, NULL, NULL);\n            if",
    )
    _run(home, project)
    assert texts(project / "out", pattern) != texts(out, pattern)


def test_a_single_uop_that_does_not_compile(home: Path, project: Path, llvm_19: Path) -> None:
    _write(project, _SINGLE_BUILDERS, llvm_19)
    trees.edit(trees.cases_file(project / "tree"), "case _ADD: {", "case _ADD: {\n            int x = ;")
    scons = _scons(home, project)
    done = scons.run([word for word in scons.command() if word != "cache=off"])
    assert done.status == 2
    assert "for want of _ADD" in done.output
    assert not done.has_traceback


@pytest.mark.parametrize("name", ["with a space", "ü & 'quotes'", "a$b"])
def test_awkward_names(tmp_path: Path, llvm_19: Path, build: Scons, out: Path, name: str) -> None:
    folder = tmp_path / name
    tree = trees.make(folder / "tree", "3.14")
    # The tree's own folder is in no header; only the generator's digest and the stencils are.
    scons = Scons(build.home, variables={"cpython": tree, "out": folder / "out", "llvm": llvm_19})
    done = scons.ok(debug="1")
    assert done.counts.compiled == done.counts.total
    build.ok(debug="1", llvm=llvm_19)
    assert texts(folder / "out") == texts(out)
    assert scons.ok(debug="1").counts.compiled == 0
    scons.ok("-c", debug="1")
    assert not texts(folder / "out")


def test_a_project_with_an_awkward_name(home: Path, tmp_path: Path, llvm_19: Path, scons: Scons, out: Path) -> None:
    project = trees.copy_project(tmp_path / "a project")
    theirs = Scons(home, project, {"llvm": llvm_19})
    theirs.ok()
    scons.ok()
    assert texts(project / "build" / "embedded-release") == texts(out)
    assert theirs.ok().counts.compiled == 0


def test_from_another_folder(home: Path, tmp_path: Path, llvm_19: Path) -> None:
    project = trees.copy_project(tmp_path / "project")
    scons = Scons(home, project, {"llvm": llvm_19})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    scons.at(elsewhere).ok("-C", str(project))
    assert texts(project / "build" / "embedded-release")
    assert not list(elsewhere.iterdir())
    # -u builds the default targets below the folder, -D all of them.
    assert scons.at(project / "build").ok("-u").counts.compiled == 0
    assert scons.at(project / "uop_templates").ok("-D").counts.compiled == 0
    # Relative folders are the SConstruct's, wherever scons was called.
    scons.at(elsewhere).ok("-C", str(project), out="made/here")
    assert texts(project / "made" / "here")


def test_the_checkout_stays_clean(scons: Scons) -> None:
    before = sorted(path for path in trees.ROOT.iterdir() if path.name != "build")
    scons.ok()
    assert sorted(path for path in trees.ROOT.iterdir() if path.name != "build") == before


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A tree that cannot be written, in a folder that anybody can enter."""
    tree = trees.make(tmp_path / "read-only", "3.14")
    folders = [tree, *(path for path in tree.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield tree
    for folder in folders:
        folder.chmod(0o755)


def _as_nobody(scons: Scons, command: list[str], cwd: Path, places: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run a command as a user to whom permissions apply."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("permissions don't apply to root, and there is no setpriv to become another user")
        prefix = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]
        for place in places:
            for path in [place, *place.rglob("*")]:
                os.chown(path, 65534, 65534, follow_symlinks=False)
    test = [*prefix, command[0], "-c", "import SCons"]
    environ = scons.environment()
    if subprocess.run(test, env=environ, cwd=cwd, capture_output=True, check=False).returncode:
        pytest.skip("another user can't run this Python")
    return subprocess.run([*prefix, *command], env=environ, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that another user can reach: pytest's own are closed to others."""
    folder = tmp_path / "shared"
    folder.mkdir()
    for parent in tmp_path.parents:
        if parent.owner() == tmp_path.owner() and "pytest" in str(parent):
            parent.chmod(parent.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    return folder


def test_a_read_only_tree(shared: Path, read_only: Path, llvm_19: Path) -> None:
    out, home = shared / "out", shared / "home"
    home.mkdir()
    scons = Scons(home, variables={"cpython": read_only, "out": out, "llvm": llvm_19})
    before = sorted(read_only.rglob("*"))
    done = _as_nobody(scons, scons.command(), trees.ROOT, [shared])
    assert done.returncode == 0, done.stdout + done.stderr
    assert texts(out)
    assert sorted(read_only.rglob("*")) == before


def test_an_output_folder_that_cannot_be_written(shared: Path, read_only: Path, llvm_19: Path) -> None:
    out, home = shared / "out", shared / "home"
    home.mkdir()
    out.mkdir()
    scons = Scons(home, variables={"cpython": read_only, "out": out, "llvm": llvm_19})
    command = scons.command()
    assert _as_nobody(scons, command, trees.ROOT, [shared]).returncode == 0
    before = texts(out)
    trees.edit(trees.cases_file(read_only), '"interrupted"', '"stopped"')
    for folder in [out, *(path for path in out.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)
    done = _as_nobody(scons, command, trees.ROOT, [])
    for folder in [out, *(path for path in out.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said, said
    assert "copypatch: " in said
    assert "out=DIR" in said, said
    assert texts(out) == before

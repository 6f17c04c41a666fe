"""Every target's header against that of the real generators, which are run live: equal byte for byte.

The small tree of tests/support is fed to the Python files of two releases' Tools/jit and to us. It needs no
system header, so all seven targets can be compiled here. What may differ is line 2 (the command line) and, in
llvm-objdump's `file format` comment, the object's path and the white space around it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.scons import Done, Scons, texts
from targets.conftest import TRIPLES

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Whose Python files: those of 3.13.5, which folds pairs, and of the last 3.14.
GENERATORS = {"3.13": "COPYPATCH_TREE_3_13", "3.14": "COPYPATCH_TOOLS_JIT_3_14"}
KINDS = ("release", "debug")
_TOOLS = ("clang", "llvm-readobj", "llvm-objdump")


@dataclass(frozen=True)
class Subject:
    """A tree with a generator, and the LLVM that both sides use."""

    form: str
    tree: Path
    pyconfig: Path
    llvm: Path
    # What the compiler finds headers by, besides.
    environ: tuple[tuple[str, str], ...] = ()

    def header(self, triple: str) -> str:
        """The name of a target's header."""
        return "jit_stencils.h" if self.form == "3.13" else f"jit_stencils-{triple}.h"

    def generate(self, folder: Path, kind: str, triples: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run the generator for some targets (3.13: one), writing to *folder*."""
        folder.mkdir(parents=True)
        programs = folder / "programs"
        programs.mkdir()
        for tool in _TOOLS:
            (programs / tool).symlink_to(self.llvm / "bin" / tool)
        command = [sys.executable, str(self.tree / "Tools" / "jit" / "build.py"), "--force", *triples]
        command += ["--debug"] if kind == "debug" else []
        if self.form == "3.13":
            # It looks for pyconfig.h where it is started.
            (folder / "pyconfig.h").symlink_to(self.pyconfig / "pyconfig.h")
        else:
            command += ["--output-dir", str(folder), "--pyconfig-dir", str(self.pyconfig)]
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        # Its digest counts the bytecode in Tools/jit as an input.
        environ = {**os.environ, **dict(self.environ), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    def scons(self, home: Path, out: Path, kind: str, triples: Sequence[str]) -> Done:
        """Run scons on the same tree."""
        variables = {"cpython": self.tree, "pyconfig": self.pyconfig, "llvm": self.llvm, "out": out}
        scons = Scons(home, variables=variables, environ=dict(self.environ))
        return scons(debug=str(int(kind == "debug")), target=",".join(triples))

    def with_case(self, opname: str, body: str) -> None:
        """Add a uop."""
        trees.add_case(self.tree, opname, body)


def _take_any_llvm(tools: Path) -> None:
    """Let a generator run with the one LLVM that has all targets here; ours is told to use it by llvm=DIR.

    A release insists on its own major version, by a constant that nothing else in it depends on.
    """
    path = tools / "_llvm.py"
    text, count = re.subn(
        r'^_LLVM_VERSION = ("?)\d+"?$', r"_LLVM_VERSION = \g<1>19\g<1>", path.read_text(), flags=re.M
    )
    assert count == 1
    path.write_text(text, encoding="utf-8")


@pytest.fixture(params=GENERATORS)
def subject(
    request: pytest.FixtureRequest, place: Callable[[str], Path], llvm_all: Path, tmp_path: Path
) -> Subject:
    """The small tree with a release's generator, in a folder of its own."""
    return _small(request.param, place, llvm_all, tmp_path)


def _small(form: str, place: Callable[[str], Path], llvm: Path, folder: Path) -> Subject:
    tree = trees.make(folder / "tree", form)
    trees.add_generator(tree, place(GENERATORS[form]) / "Tools" / "jit")
    _take_any_llvm(tree / "Tools" / "jit")
    return Subject(form, tree, tree, llvm)


def comparable(header: Path) -> list[str]:
    """The lines of a header, without what may differ."""
    first, _command, *rest = header.read_text(encoding="utf-8").split("\n")
    return [first, *(re.sub(r"// .*:\s+file format\s+", "// file format ", line) for line in rest)]


def check_equal(ours: Path, theirs: Path) -> None:
    """Compare two headers, and show the first line that differs."""
    one, other = comparable(ours), comparable(theirs)
    for number, (line, expected) in enumerate(zip(one, other, strict=False), 1):
        assert line == expected, f"{ours.name}, line {number} (without the command)"
    assert len(one) == len(other)


def check_identity(subject: Subject, home: Path, folder: Path, kind: str, triples: Sequence[str]) -> None:
    """Run both sides, and compare all that they wrote."""
    theirs, ours = folder / "theirs", folder / "ours"
    done = subject.generate(theirs, kind, triples)
    assert done.returncode == 0, done.stdout + done.stderr
    built = subject.scons(home, ours, kind, triples)
    assert built.status == 0, built.output
    assert texts(ours).keys() == texts(theirs).keys()
    for triple in triples:
        check_equal(ours / subject.header(triple), theirs / subject.header(triple))
    if subject.form != "3.13":
        dispatchers = [(side / "jit_stencils.h").read_text(encoding="utf-8") for side in (ours, theirs)]
        assert dispatchers[0].split("\n")[1:] == dispatchers[1].split("\n")[1:]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("triple", TRIPLES)
def test_each_target_of_3_13(
    place: Callable[[str], Path], llvm_all: Path, home: Path, tmp_path: Path, triple: str, kind: str
) -> None:
    subject = _small("3.13", place, llvm_all, tmp_path)
    check_identity(subject, home, tmp_path, kind, [triple])
    if triple == "aarch64-unknown-linux-gnu":
        # What 3.13.5 alone does is put to the test, where the tree is 3.13.5.
        folds = "_aarch64_33rx" in (place(GENERATORS["3.13"]) / "Tools" / "jit" / "_stencils.py").read_text()
        assert ("patch_aarch64_33rx" in (tmp_path / "ours" / "jit_stencils.h").read_text()) == folds


@pytest.mark.parametrize("kind", KINDS)
def test_all_targets_of_3_14(
    place: Callable[[str], Path], llvm_all: Path, home: Path, tmp_path: Path, kind: str
) -> None:
    check_identity(_small("3.14", place, llvm_all, tmp_path), home, tmp_path, kind, TRIPLES)

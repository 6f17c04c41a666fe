"""The example of another VM: built by its own SConstruct, and run."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.scons import Scons, texts

pytestmark = pytest.mark.build

_UOPS = {"SET", "ADD", "MULTIPLY", "LOOP", "SHOW", "END"}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example, in a copy of the project."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64") or shutil.which("cc") is None:
        pytest.skip("the example is run on x86_64 Linux, with its C compiler")
    project = trees.copy_project(tmp_path / "project")
    skip = shutil.ignore_patterns("build", "__pycache__")
    return Path(shutil.copytree(trees.ROOT / "examples" / "another_vm", project / "examples" / "vm", ignore=skip))


def test_another_vm(example: Path, home: Path, clang: CountedLLVM) -> None:
    scons = Scons(home, example, {"llvm": clang.prefix})
    out = example / "build" / "calculator-release"

    def run() -> str:
        clang.forget()
        return scons.ok("run").stdout

    assert "show 3628800\n24 operations\n" in run()
    assert clang.compiled() - {"copypatch-prefix"} == _UOPS | {"enter"}
    (header,) = texts(out, "*.h").values()
    lines = header.decode().splitlines()
    assert lines[2] == "#ifndef CALCULATOR_STENCILS_H"
    assert lines[-1] == "#endif"
    assert "cc " not in run()

    # One operation.
    trees.edit(
        example / "templates" / "ops.c.h",
        "REGISTER(A()) *= REGISTER(B());",
        "REGISTER(A()) = REGISTER(A()) * REGISTER(B()) + machine->shown;",
    )
    assert "show 3628800" in run()
    assert clang.compiled() == {"MULTIPLY"}

    # The header's text alone: what another VM's own functions write is followed as well.
    trees.edit(example / "SConstruct", '    yield "#endif"', '    yield "#endif  // a guard"')
    run()
    assert clang.compiled() == set()
    (header,) = texts(out, "*.h").values()
    assert header.endswith(b"#endif  // a guard\n")

    # What fills a hole: the fragments are written anew, and nothing compiled.
    trees.edit(example / "SConstruct", '"(uintptr_t)op->number"', '"(uintptr_t)(op->number + 0)"')
    assert "show 3628800" in run()
    assert clang.compiled() == set()
    (header,) = texts(out, "*.h").values()
    assert b"op->number + 0" in header


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"unsigned char *code, unsigned char *data,", ', "", "no `unsigned char *code` among them"),
        ('entry="enter.c"', 'entry="gone.c"', "no gone.c there"),
        ('"LOOP": ', '"LOUP": ', "HOLE_LOOP"),
    ],
)
def test_mistakes(*, example: Path, home: Path, llvm_19: Path, old: str, new: str, message: str) -> None:
    trees.edit(example / "SConstruct", old, new)
    done = Scons(home, example, {"llvm": llvm_19})()
    assert done.status != 0
    assert message in done.output


def test_a_cpython_tree_is_no_other_vm(example: Path, home: Path, llvm_19: Path) -> None:
    done = Scons(home, example, {"llvm": llvm_19})(cpython=example)
    assert done.status != 0
    assert "calculator is built here" in done.output
    assert not done.has_traceback

"""make in a build folder of a CPython whose own Python files make the stencils: 3.15, and forks."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support import trees
from support.build_folder import ARGUMENTS, BuildFolder, command
from support.clang import CountedLLVM, replaced
from support.scons import Scons, snapshot, texts

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]

_TRIPLE = "x86_64-unknown-linux-gnu"
_FILES = {
    f"jit_shim-{_TRIPLE}.o",
    f"jit_stencils-{_TRIPLE}.h",
    f"jit_unwind_info-{_TRIPLE}.h",
    "jit_stencils.h",
    "jit_unwind_info.h",
}
_ALL = {"Python/jit.o", "Python/jit_unwind.o", "python"}


def test_3_15(tmp_path: Path, plain: Scons, place: Callable[[str], Path]) -> None:
    """Several files by one command, an object to be linked among them, and a stamp."""
    tree = trees.make(tmp_path / "tree", "3.15")
    trees.add_generator(tree, place("COPYPATCH_TOOLS_JIT_3_15") / "Tools" / "jit")
    (tree / "Python" / "jit.c").write_text("// includes the stencils\n", encoding="utf-8")
    clang = CountedLLVM.make(tmp_path / "llvm", place("COPYPATCH_LLVM_ALL"))
    path = tmp_path / "build"
    build = BuildFolder.make_one(path, tree, command(ARGUMENTS["3.15"]), plain)
    before = texts(path, "**/*")
    plain.bare("embed", f"build={path}", f"llvm={clang.prefix}", "cache=off")
    done = build.ok("-j2")
    assert "asks for LLVM" not in done.output, "its command says which one it is to be"
    uops = set(trees.opnames(trees.cases_file(tree)))
    assert clang.compiled() >= uops
    files = {name: path / name for name in _FILES}
    assert all(file.is_file() for file in files.values())

    def remade(*options: str) -> set[str]:
        clang.forget()
        return build.made(*(options or ("-j2",)))

    assert remade() == set()
    assert clang.compiled() == set()
    trees.edit(tree / "Include" / "object.h", "// A header", "// Some header")
    assert remade() == set()
    assert remade("regen-jit") == set()
    shim = snapshot(path, "jit_shim-*.o")
    trees.edit(trees.cases_file(tree), "the sum is too large", "the sum is far too large")
    # The first lines of both headers are a digest over the cases, as the generator writes it.
    assert remade() == _ALL
    assert snapshot(path, "jit_shim-*.o") == shim
    assert {name for name in clang.compiled() if name in uops} <= {"_ADD_TWICE", "_WARN"}
    # A file that is lost is there again, and so is what was made of it.
    files[f"jit_shim-{_TRIPLE}.o"].unlink()
    assert remade() == {"python"}
    files[f"jit_unwind_info-{_TRIPLE}.h"].unlink()
    assert remade() == {"python", "Python/jit_unwind.o"}
    # The profile's clean keeps what was generated, and deletes objects of ours.
    assert remade("-j2", "profile") == _ALL
    assert clang.compiled() & uops == set()
    assert snapshot(path, "jit_shim-*.o").keys() == shim.keys()

    made = snapshot(path, "jit_*")
    plain.bare("unembed", f"build={path}")
    # What the tree's own generator finds is as good as its own.
    time.sleep(0.02)
    os.utime(path / "pyconfig.h")
    # It writes anew only what picks a target's header, and does so every time.
    assert build.made(f"PYTHON_FOR_REGEN={sys.executable}", "-j2") <= {"Python/jit_unwind.o", "python"}
    kept = {name for name in made if _TRIPLE in name}
    assert {name: made[name] for name in kept} == snapshot(path, f"jit_*{_TRIPLE}*")
    build.ok("clean")
    (path / "python").unlink()
    assert texts(path, "**/*") == before


def test_3_14_with_passes_of_its_own_needs_no_more(
    tmp_path: Path, home: Path, place: Callable[[str], Path], llvm_19: Path
) -> None:
    tree = trees.make(tmp_path / "tree", "3.14")
    trees.add_generator(tree, place("COPYPATCH_TOOLS_JIT_3_14") / "Tools" / "jit")
    scons = Scons(home, environ={"PATH": str(tmp_path)})
    build = BuildFolder.make_one(tmp_path / "build", tree, command(ARGUMENTS["3.14"]), scons)
    scons.bare("embed", f"build={build.path}", f"llvm={replaced(tmp_path / 'llvm', llvm_19)}", "engine=tree")
    assert " engine=tree" in (build.path / "GNUmakefile").read_text("utf-8")


def test_3_15_lacks_something(tmp_path: Path, home: Path, place: Callable[[str], Path], llvm_19: Path) -> None:
    tree = trees.make(tmp_path / "tree", "3.15")
    trees.add_generator(tree, place("COPYPATCH_TOOLS_JIT_3_15") / "Tools" / "jit")
    scons = Scons(home, environ={"PATH": str(tmp_path)})
    build = BuildFolder.make_one(tmp_path / "build", tree, command(ARGUMENTS["3.15"]), scons)
    alone = replaced(tmp_path / "llvm", llvm_19)
    done = scons.run([sys.executable, "-m", "SCons", "embed", f"build={build.path}", f"llvm={alone}"])
    assert done.status != 0
    assert "no llvm-dwarfdump beside" in done.output, done.output
    makefile = build.path / "Makefile"
    makefile.write_text(makefile.read_text("utf-8").replace(f"\t{command(ARGUMENTS['3.15'])}\n", "\t\n"), "utf-8")
    done = scons.run([sys.executable, "-m", "SCons", "embed", f"build={build.path}", f"llvm={alone}"])
    assert "without --enable-experimental-jit" in done.output, done.output
    assert not (build.path / "GNUmakefile").exists()

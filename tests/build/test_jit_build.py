"""jit_build.py in the generator's place: called as CPython's Makefile calls that, by whatever Python there is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.scons import Done, Scons, snapshot, texts

pytestmark = pytest.mark.build

_TRIPLE = "x86_64-pc-linux-gnu"
_SCRIPT = str(trees.ROOT / "jit_build.py")


@pytest.fixture
def folder(tmp_path: Path, tree: Path) -> Path:
    """A folder with pyconfig.h, to call it in."""
    path = tmp_path / "build"
    path.mkdir()
    (path / "pyconfig.h").write_bytes((tree / "pyconfig.h").read_bytes())
    return path


def _run(scons: Scons, folder: Path, *words: str | Path, python: tuple[str, ...] = (sys.executable,)) -> Done:
    return scons.at(folder).run([*python, _SCRIPT, *map(str, words)])


def test_the_generators_arguments(folder: Path, tree: Path, home: Path, clang: CountedLLVM, tmp_path: Path) -> None:
    scons = Scons(home)
    call: list[str | Path] = [
        "cache=off",
        tree / "Tools" / "jit" / "build.py",
        _TRIPLE,
        "--output-dir",
        ".",
        "--pyconfig-dir",
        ".",
    ]
    call += ["--cflags=-DX", "--debug", "--llvm-tools-install-dir", clang.prefix]
    done = _run(scons, folder, *call)
    assert done.status == 0, done.output
    assert done.counts.compiled == done.counts.total
    out = tmp_path / "out"
    Scons(home, variables={"cpython": tree, "pyconfig": folder, "llvm": clang.prefix, "out": out}).ok(
        target=_TRIPLE, cflags="-DX", debug="1"
    )
    assert texts(folder) == texts(out)
    before = snapshot(folder)
    clang.forget()
    again = _run(scons, folder, *call)
    assert (again.status, again.output.strip()) == (0, "")
    assert clang.compiled() == set()
    # -f compiles everything, -v says how; what comes out is the same.
    forced = _run(scons, folder, *call, "-f", "-v")
    assert forced.counts.compiled == forced.counts.total
    assert str(clang.prefix / "bin" / "clang") in forced.stdout
    assert snapshot(folder) == before


def test_a_broken_uop_of_two_targets(folder: Path, tree: Path, home: Path, llvm_19: Path) -> None:
    trees.add_case(tree, "_NEW_1", "            int x = ;")
    # Both for the X86 that every LLVM has.
    call = [f"cpython={tree}", f"llvm={llvm_19}", "cache=off", _TRIPLE, "x86_64-apple-darwin"]
    done = _run(Scons(home), folder, *call)
    assert done.status == 1
    assert done.stderr.count("not written, for want of _NEW_1") == 2
    assert texts(folder) == {}
    text = trees.cases_file(tree).read_text("utf-8")
    trees.cases_file(tree).write_text(text.replace("int x = ;", "int x = 1; (void)x;"), encoding="utf-8")
    done = _run(Scons(home), folder, *call)
    assert done.status == 0, done.output
    assert done.counts.compiled == 2
    assert len(texts(folder)) == 3


def test_another_python(folder: Path, tree: Path, home: Path, llvm_19: Path, tmp_path: Path) -> None:
    call = [f"cpython={tree}", f"llvm={llvm_19}", _TRIPLE]
    # It sees no package. The project's environment takes over where there is one.
    bare = (sys.executable, "-S")
    alone = Scons(home, environ={"COPYPATCH_VENV": str(tmp_path / "none")})
    done = _run(alone, folder, *call, python=bare)
    assert done.status == 0, done.output
    assert done.stderr.count("copypatch: warning: ") == 1 + done.stderr.count(": warning: every uop")
    assert "has no diskcache" in done.stderr
    assert "bootstrap.py setup" in done.stderr
    with_environment = Scons(
        home, environ={"COPYPATCH_VENV": sys.prefix, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    )
    for restored in (False, True):
        for path in folder.glob(".copypatch/uops/*/*.json"):
            path.unlink()
        done = _run(with_environment, folder, *call, python=bare)
        assert done.status == 0, done.output
        assert "diskcache" not in done.stderr
        assert (done.counts.restored > 0) == restored


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cpython=/nowhere", _TRIPLE], "/nowhere"),
        ([_TRIPLE], "not a CPython source tree"),
        (["{tree}/Tools/jit/build.py", "pdp11-dec-unix"], "pdp11-dec-unix"),
        (["{tree}/Tools/jit/build.py", _TRIPLE, "-p", "none"], "no pyconfig.h"),
        (["{tree}/Tools/jit/build.py", _TRIPLE, "--cflags='"], "quot"),
        (["{tree}/Tools/jit/build.py", _TRIPLE, "--llvm-version=7"], "no LLVM 7 found"),
        (["colour=red", _TRIPLE], "colour"),
    ],
)
def test_mistakes(folder: Path, tree: Path, home: Path, words: list[str], message: str) -> None:
    done = _run(Scons(home), folder, *(word.format(tree=tree) for word in words))
    assert done.status != 0
    assert message in done.stderr, done.output
    assert not done.has_traceback, done.output
    assert texts(folder) == {}

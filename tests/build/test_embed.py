"""make in a build folder of CPython, once `scons embed` has tied copypatch into it: real make on small trees."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from copypatch import embedding
from support import read_only, trees
from support.build_folder import ARGUMENTS, BuildFolder, command
from support.clang import CountedLLVM, program, replaced
from support.scons import Scons, snapshot, texts

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]

_BOTH = {"Python/jit.o", "python"}


@pytest.fixture
def build(tmp_path: Path, tree: Path, plain: Scons, clang: CountedLLVM) -> BuildFolder:
    """A build folder of `tree` with copypatch in it, and without a cache."""
    folder = BuildFolder.make_one(tmp_path / "build", tree, command(ARGUMENTS["3.14"]), plain)
    plain.bare("embed", f"build={folder.path}", f"llvm={clang.prefix}", "cache=off")
    return folder


def test_only_what_has_to_be_made_is_made(
    *,
    build: BuildFolder,
    tree: Path,
    clang: CountedLLVM,
    home: Path,
    tmp_path: Path,
    edit: Callable[[str, str, str], None],
) -> None:
    before = sorted(tree.rglob("*"))
    assert build.made("-j2") == _BOTH
    uops = set(trees.opnames(trees.cases_file(tree)))
    assert clang.compiled() == uops | {"shim"}
    expected = Scons(home, variables={"cpython": tree, "pyconfig": build.path, "llvm": clang.prefix})
    expected.ok(out=tmp_path / "out", target="x86_64-pc-linux-gnu")
    assert texts(build.path) == texts(tmp_path / "out")

    def remade(*names: str) -> set[str]:
        """What make makes, which is to run clang for the named uops alone."""
        clang.forget()
        found = build.made("-j2")
        assert clang.compiled() - {"copypatch-prefix"} == set(names)
        return found

    assert remade() == set()
    os.utime(trees.cases_file(tree))
    os.utime(build.path / "pyconfig.h")
    assert remade() == set()
    # Not in the tree's own rule: a comment counts for nothing, an inline function for the uops that use it.
    edit("Include/object.h", "// A header", "// Some header")
    assert remade() == set()
    edit("Include/refcount.h", "MINI_REFERENCE 1", "MINI_REFERENCE 2")
    assert "_LOAD_OPARG" in trees.opnames(trees.cases_file(tree))
    clang.forget()
    assert build.made("-j2") == _BOTH
    assert "_LOAD_OPARG" in clang.compiled()
    # Here only the target's header changes, not the one that Python/jit.o is said to depend on.
    edit("Python/executor_cases.c.h", "the sum is too large", "the sum is far too large")
    assert remade("_ADD_TWICE") == _BOTH
    assert remade() == set()
    (build.path / "jit_stencils.h").unlink()
    assert remade() == _BOTH
    assert build.made("regen-jit") == set()
    assert build.made("install") == set()
    assert sorted(tree.rglob("*")) == before


@pytest.mark.parametrize("in_tree", [True, False])
def test_3_13(tmp_path: Path, plain: Scons, llvm_18: Path, in_tree: bool) -> None:
    tree = trees.make(tmp_path / "tree", "3.13")
    path = tree if in_tree else tree / "build"
    build = BuildFolder.make_one(path, tree, command(ARGUMENTS["3.13"]), plain)
    before = build.snapshot()
    plain.bare("embed", f"build={path}", f"llvm={llvm_18}")
    assert build.made("-j2") == _BOTH
    assert build.made("-j2") == set()
    trees.edit(tree / "Include" / "refcount.h", "MINI_REFERENCE 1", "MINI_REFERENCE 2")
    assert build.made("-j2") == _BOTH
    trees.edit(tree / "Include" / "refcount.h", "MINI_REFERENCE 2", "MINI_REFERENCE 1")
    build.ok("clean")
    plain.bare("unembed", f"build={path}")
    (path / "python").unlink()
    left = build.snapshot()
    if in_tree:
        # It was edited, and edited back.
        left["Include/refcount.h"] = before["Include/refcount.h"]
    assert left == before


def test_unembed_leaves_the_folder_as_it_was(build: BuildFolder, plain: Scons) -> None:
    said = plain.bare("unembed", f"build={build.path}")
    assert "own generator" in said
    before = build.snapshot()
    assert "GNUmakefile" not in before
    for _ in range(2):
        plain.bare("embed", f"build={build.path}", "cache=off")
    build.ok("regen-jit")
    headers = snapshot(build.path)
    assert len(headers) == 2
    plain.bare("unembed", f"build={build.path}")
    assert build.snapshot() == {**before, **headers}
    assert "is not in" in plain.bare("unembed", f"build={build.path}")


def test_the_makefile_is_made_anew(build: BuildFolder, tree: Path) -> None:
    build.ok("-j2")
    release = texts(build.path)
    time.sleep(0.02)
    build.configure(tree, command(ARGUMENTS["3.14"] + " --debug"))
    assert build.made("-j2") == _BOTH
    assert texts(build.path) != release
    assert b"debug=1" in texts(build.path)["jit_stencils.h"]


def test_what_is_said_wins_over_the_makefile(build: BuildFolder, plain: Scons, clang: CountedLLVM) -> None:
    words = [f"build={build.path}", f"llvm={clang.prefix}", "cache=off", "debug=1", "cflags=-DSAID='a b'"]
    plain.bare("embed", *words)
    build.ok("-j2")
    assert b"debug=1" in texts(build.path)["jit_stencils.h"]
    assert any("-DSAID=a b" in arguments for arguments in clang.runs())


def test_a_sub_make_and_a_python_of_the_users(build: BuildFolder) -> None:
    build.ok("profile", "PYTHON_FOR_REGEN=another-python", "-j2")
    assert len(texts(build.path)) == 2
    assert "tree" in build.ok("-n", "regen-jit").stdout


# Says how many programs may run, as copypatch is told.
_COUNTS = f"""
import os, sys, threading
sys.path.insert(0, {str(trees.ROOT / "site_scons")!r})
from copypatch import jobserver
slots, count, counted = jobserver.join(os.environ), [], threading.Event()
def take():
    with slots:
        count.append(1)
        counted.wait()
threads = [threading.Thread(target=take) for _ in range(9 if slots else 0)]
for thread in threads:
    thread.start()
counted.wait(0.5 if slots else 0)
print("slots:", len(count), flush=True)
counted.set()
for thread in threads:
    thread.join()
"""


def test_slots_are_makes(tmp_path: Path, tree: Path, plain: Scons) -> None:
    build = BuildFolder.make_one(tmp_path / "build", tree, command(ARGUMENTS["3.14"]), plain)
    script = tmp_path / "counts.py"
    script.write_text(_COUNTS, encoding="utf-8")
    text = embedding.makefile_text([Path(sys.executable), script], {})
    (build.path / "GNUmakefile").write_text(text, encoding="utf-8")
    assert "slots: 3\n" in build.ok("-j3", "regen-jit").stdout
    assert "slots: 3\n" in build.ok("-j3", "regen-jit", "--no-print-directory", "-k", "X=-j5").stdout
    assert "slots: 0\n" in build.ok("regen-jit").stdout
    # It isn't run where make only says or asks what is to be done, or touches it.
    for option in ("-n", "-nj3", "--dry-run", "-kt"):
        assert "slots: " not in build.ok("regen-jit", option).stdout
    assert build("regen-jit", "-q").status == 1


def test_clean_and_distclean(build: BuildFolder, tmp_path: Path) -> None:
    build.ok("-j2")
    assert (build.path / ".copypatch").is_dir()
    # What the profile's clean deletes is objects alone, and what is left is enough.
    build.ok("clean-retain-profile")
    assert build.made() == _BOTH
    # find fails where a folder vanishes that it is to look into.
    find = shutil.which("find")
    program(tmp_path / "slow", "find", f'sleep 0.2; test -d .copypatch || exit 1; exec {find} "$@"\n')
    slow = replace(build, environ={"PATH": f"{tmp_path / 'slow' / 'bin'}:{build.environment()['PATH']}"})
    slow.ok("-j4", "clean")
    assert not (build.path / ".copypatch").exists()
    assert (build.path / "GNUmakefile").exists()
    build.ok()
    build.ok("distclean")
    assert build.snapshot() == {}


def test_two_makes_at_once(build: BuildFolder, clang: CountedLLVM, tree: Path) -> None:
    running = [build.start("regen-jit") for _ in range(3)]
    assert [(process.communicate(), process.returncode)[1] for process in running] == [0, 0, 0]
    counted = [word for arguments in clang.runs() for word in arguments if word.endswith("_ADD_TWICE.c")]
    # Alone, or in a shard; and a second time where the compiler's first shard is proved.
    assert 1 <= len(counted) <= 2
    assert build.made() == _BOTH


@pytest.mark.parametrize("everything", [True, False], ids=["all of it", "the Python alone"])
def test_a_make_that_is_killed(
    *, tmp_path: Path, build: BuildFolder, tree: Path, llvm_19: Path, plain: Scons, everything: bool
) -> None:
    # Slow enough to be killed: what it has compiled it writes late. The next one is slow to end, so that what a
    # compiler of the killed build writes meanwhile could be taken for its own.
    started, later = tmp_path / "started", tmp_path / "later"
    real = llvm_19 / "bin" / "clang"
    script = f"""
case "$*" in *-cc1*)
    if test -f {later}; then {real} "$@"; sleep 1.5; exit; fi
    {real} "$@"; mkdir $$; mv *.o $$; echo >>{started}; sleep 0.7; mv $$/*.o .; exit
esac
REAL"""
    slow = replaced(tmp_path / "slow", llvm_19, clang=script)
    plain.bare("embed", f"build={build.path}", f"llvm={slow}", "cache=off")
    process = build.start("-j2")
    deadline = time.monotonic() + 30
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert started.exists()
    if everything:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        os.kill(_python_of(process.pid), signal.SIGKILL)
    process.communicate()
    assert texts(build.path) == {}
    later.touch()
    trees.edit(trees.cases_file(tree), "the sum is too large", "the sum is far too large")
    done = build.ok("-j2")
    assert "made Python/jit.o" in done.stdout
    # Such as that a shard's object is not what the driver makes.
    assert "copypatch: warning" not in done.output
    # Nothing of it is mixed: what is built from nothing is the same.
    shutil.rmtree(build.path / ".copypatch")
    assert build.made("-j2") == set()


def _python_of(pid: int) -> int:
    """The process in which copypatch runs, below a make."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, listed.splitlines())}
    for child in parents:
        words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") if Path(f"/proc/{child}").exists() else []
        above, line = child, []
        while above in parents:
            line.append(above)
            above = parents[above]
        # The shell that make starts has our name too, within its one long word.
        if pid in line and any(word.endswith(b"/jit_build.py") for word in words[:3]):
            return child
    raise AssertionError(f"no jit_build.py below process {pid}")


def _no_build(folder: BuildFolder) -> None:
    (folder.path / "config.status").unlink()


def _no_jit(folder: BuildFolder) -> None:
    path = folder.path / "Makefile"
    path.write_text(path.read_text("utf-8").replace(f"\t{command(ARGUMENTS['3.14'])}\n", "\t\n"), "utf-8")


def _other_command(folder: BuildFolder) -> None:
    trees_own = folder.path / "Makefile"
    trees_own.write_text(
        trees_own.read_text("utf-8").replace("$(PYTHON_FOR_REGEN) $(srcdir)", "mine $(srcdir)"), "utf-8"
    )


def _own_makefile(folder: BuildFolder) -> None:
    (folder.path / "GNUmakefile").write_text("include Makefile\n", "utf-8")


def _no_tree(folder: BuildFolder) -> None:
    shutil.rmtree(folder.path.parent / "tree")


def _other_dialect(folder: BuildFolder) -> None:
    (folder.path.parent / "tree" / "Tools" / "jit" / "_optimizers.py").touch()


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (None, [], "build=DIR"),
        (None, ["build={build}", "cpython=x"], "cpython=: is the build folder's affair"),
        (None, ["build={build}", "llvm=/nowhere"], "llvm=/nowhere"),
        (None, ["build={build}", "debug=perhaps"], "debug=perhaps"),
        (None, ["build={build}", "verify"], "cannot be combined with verify"),
        (_no_build, ["build={build}"], "not a configured build folder"),
        (_no_jit, ["build={build}"], "without --enable-experimental-jit"),
        (_other_command, ["build={build}"], "another command"),
        (_own_makefile, ["build={build}"], "GNUmakefile of its own"),
        (_no_tree, ["build={build}"], "is gone"),
        (_other_dialect, ["build={build}"], "does not know"),
    ],
)
def test_mistakes(
    *,
    tmp_path: Path,
    tree: Path,
    plain: Scons,
    llvm_19: Path,
    spoil: Callable[[BuildFolder], None] | None,
    words: list[str],
    message: str,
) -> None:
    folder = BuildFolder.make_one(tmp_path / "build", tree, command(ARGUMENTS["3.14"]), plain)
    if spoil is not None:
        spoil(folder)
    before = folder.snapshot()
    said = [word.format(build=folder.path) for word in words]
    done = plain.run([sys.executable, "-m", "SCons", "embed", *said])
    assert done.status != 0
    assert message in done.output
    assert not done.has_traceback, done.output
    assert folder.snapshot() == before


def test_a_build_variable_without_embed(plain: Scons, tmp_path: Path) -> None:
    done = plain.run([sys.executable, "-m", "SCons", f"build={tmp_path}"])
    assert done.status != 0
    assert "scons embed" in done.output


def test_awkward_names(tmp_path: Path, tree: Path, plain: Scons) -> None:
    build = BuildFolder.make_one(tmp_path / "build", tree, command(ARGUMENTS["3.14"]), plain)
    place = tmp_path / "a b $HOME # 'c'"
    python = program(place, "python", "printf '<%s>' \"$@\"\n")
    script = place / "jit_build.py"
    script.touch()
    text = embedding.makefile_text([python, script], {"cflags": "-DX='$1 #2'"})
    (build.path / "GNUmakefile").write_text(text, encoding="utf-8")
    words = [str(script), "cflags=-DX='$1 #2'", "../tree/Tools/jit/build.py", "x86_64-pc-linux-gnu", "--output-dir"]
    assert "".join(f"<{word}>" for word in words) in build.ok("regen-jit").stdout


def test_copypatch_that_is_gone(build: BuildFolder) -> None:
    path = build.path / "GNUmakefile"
    path.write_text(path.read_text("utf-8").replace("jit_build.py", "gone.py"), "utf-8")
    done = build()
    assert done.status != 0
    assert "is gone; without GNUmakefile" in done.output


def test_an_error_of_a_uops_fails_make_and_leaves_the_header(build: BuildFolder, tree: Path) -> None:
    build.ok("-j2")
    before = snapshot(build.path)
    line = trees.add_case(tree, "_NEW_1", "            int x = ;")
    done = build("-j2")
    assert done.status != 0
    assert f"executor_cases.c.h:{line}:" in done.output
    assert not done.has_traceback
    assert snapshot(build.path) == before


def test_a_read_only_tree(build: BuildFolder, tree: Path) -> None:
    before = texts(tree, "**/*")
    confined = replace(build, prefix=tuple(read_only.seen_by(tree)))
    touched = subprocess.run([*confined.prefix, "touch", tree / "new"], check=False, capture_output=True)
    assert touched.returncode, "it can be written"
    assert confined.made("-j2") == _BOTH
    assert confined.made("-j2") == set()
    read_only.writable_again(tree)
    assert texts(tree, "**/*") == before

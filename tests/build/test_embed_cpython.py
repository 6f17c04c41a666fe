"""copypatch in the build of a real CPython: its own configure, its own Makefile, its own tests.

The first test needs what tests/provision brings, and makes Python/jit.o alone. The others build whole
interpreters, minutes each: `COPYPATCH_END_TO_END=1 pytest -s tests/build/test_embed_cpython.py` runs them and
prints the times. Tests of a tree that fail for a reason of its own are named in COPYPATCH_END_TO_END_IGNORE.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import read_only, trees
from support.cpython import Cpython, Made, copied
from support.scons import Scons, snapshot

pytestmark = [
    pytest.mark.build,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]


def test_jit_o_of_debians_source(place: Callable[[str], Path], tmp_path: Path, plain: Scons, llvm_18: Path) -> None:
    original, configured = place("COPYPATCH_TREE_3_13"), place("COPYPATCH_PYCONFIG_3_13")
    leave = ["Lib", "Doc", "Mac", "PC", "PCbuild", "build", "dbg"]
    tree = copied(original, tmp_path / "tree", *leave)
    cpython = Cpython("3.13", tree, tree / "made", plain, llvm_18)
    shutil.copytree(configured, cpython.build)
    _keep_few_cases(trees.cases_file(cpython.tree))
    makefile = cpython.build / "Makefile"
    # It was configured in another folder.
    text = re.sub(r"^(srcdir|VPATH)=.*$", r"\1=\t\t..", makefile.read_text("utf-8"), flags=re.MULTILINE)
    makefile.write_text(text, encoding="utf-8")
    files = _files(cpython.build)
    cpython.embed()
    _made(cpython.make("Python/jit.o"), cpython.uops, {"Python/jit.o"})
    _made(cpython.make("Python/jit.o", "regen-jit"), 0)
    # The tree's own rule takes our header for its generator's.
    headers = snapshot(cpython.build)
    cpython.generator("regen-jit")
    assert snapshot(cpython.build) == headers
    list_h = cpython.tree / "Include" / "internal" / "pycore_list.h"
    list_h.write_text(list_h.read_text("utf-8") + "// a comment\n", encoding="utf-8")
    _made(cpython.make("jit_stencils.h"), 0)
    assert snapshot(cpython.build) == headers
    # In 3.13 all uops are compiled with the text of all, so all are compiled again.
    cpython.edit_header()
    _made(cpython.make("Python/jit.o"), cpython.uops, {"Python/jit.o"})
    assert snapshot(cpython.build) != headers
    cpython.embed("unembed")
    for path in [*cpython.build.glob("jit_stencils*.h"), cpython.build / "Python" / "jit.o"]:
        path.unlink()
    assert _files(cpython.build) == files


def _made(made: Made, compiled: int, objects: set[str] | None = None) -> None:
    assert (made.restored, made.compiled) == (0, compiled)
    assert made.objects == (objects or set())


def _keep_few_cases(path: Path) -> None:
    """Leave every eighth case and the one to be edited: in 3.13 each is compiled with all others around it."""
    text = path.read_text("utf-8")
    head, *cases = re.split(r"(?m)^(?= {8}case \w+: \{$)", text)
    last = cases.pop()
    kept = [case for index, case in enumerate(cases) if index % 8 == 0 or "case _LIST_APPEND:" in case]
    path.write_text("".join([head, *kept, last]), encoding="utf-8")


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return snapshot(folder, "**/*")


_HOT = """
import _opcode
def hot(count):
    total = 0
    for number in range(count):
        total += number * 2
    return total
assert hot(100_000) == 9_999_900_000
code = hot.__code__
found = []
for offset in range(0, len(code.co_code), 2):
    try:
        found.append(_opcode.get_executor(code, offset))
    except ValueError:
        pass
print("bytes of machine code:", [len(executor.get_jit_code()) for executor in found if executor])
"""
_TESTS = ("test_capi.test_opt", "test_optimizer", "test_generators", "test_dict", "test_list")
_INCLUDE_CASES = {"Python/ceval.o", "Python/optimizer.o", "Python/jit.o", "Python/jit_unwind.o"}
_FREEZE = {"Programs/_bootstrap_python.o", "Python/frozen.o", "Modules/getbuildinfo.o"}
_WHOLE = pytest.mark.skipif(
    not os.environ.get("COPYPATCH_END_TO_END"),
    reason="builds whole interpreters, which takes minutes: set COPYPATCH_END_TO_END=1",
)
_VERSIONS = pytest.mark.parametrize("version", ["3.13", "3.14", "3.15"])


@pytest.fixture
def interruptible() -> Iterator[None]:
    """See that tests of signals can pass: what a shell starts in the background is born ignoring SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def whole(
    interruptible: None, place: Callable[[str], Path], tmp_path: Path, plain: Scons
) -> Callable[[str, bool], Cpython]:
    """Copy the tree of a release, to be built in itself or in a folder beside it."""

    def copy(version: str, in_tree: bool) -> Cpython:
        original, llvm = place(f"COPYPATCH_TREE_{version.replace('.', '_')}"), place(trees.LLVM[version])
        # Test modules are needed: the JIT's own tests use them.
        tree = copied(original, tmp_path / "tree", "build", "dbg", "Doc")
        cpython = Cpython(version, tree, tree if in_tree else tmp_path / "build", plain, llvm)
        cpython.build.mkdir(exist_ok=True)
        return cpython

    return copy


def _configure(cpython: Cpython, *options: str) -> None:
    # What a release is compiled with, but for the time that -O3 takes.
    asserts = "" if "--with-pydebug" in options else "-DNDEBUG "
    words = ["--enable-experimental-jit", f"OPT=-O1 {asserts}-fwrapv"]
    if cpython.version == "3.15":
        # The only one that can be told; it need not be the one that the release asks for.
        version = re.search(r"version (\d+)", cpython.run(cpython.llvm / "bin" / "clang", "--version"))
        assert version is not None
        words += [f"LLVM_VERSION={version[1]}", f"LLVM_TOOLS_INSTALL_DIR={cpython.llvm}"]
    cpython.run(cpython.tree / "configure", *words, *options)


@_WHOLE
@pytest.mark.parametrize("in_tree", [False, True], ids=["out of tree", "in tree"])
@_VERSIONS
def test_an_interpreter(*, whole: Callable[[str, bool], Cpython], version: str, in_tree: bool) -> None:
    cpython = whole(version, in_tree)
    _configure(cpython)
    before = {name: content for name, (content, _) in _files(cpython.build).items()}
    cpython.embed()
    headers = _interrupted(cpython)
    cpython.make("clean")
    assert not (cpython.build / ".copypatch").exists()
    assert snapshot(cpython.build) == {}
    shutil.rmtree(Path(cpython.scons.environment()["XDG_CACHE_HOME"]))

    prefix = () if in_tree else tuple(read_only.seen_by(cpython.tree))
    made = cpython.make(what="make", prefix=prefix)
    read_only.writable_again(cpython.tree)
    assert made.compiled == cpython.uops
    assert "Python/jit.o" in made.objects
    assert _texts(snapshot(cpython.build)) == headers
    _check(cpython)
    _made(cpython.make(what="make again"), 0)
    _made(cpython.make("regen-jit"), 0)

    cpython.edit_case()
    made = cpython.make(what="make after an edit of a case")
    # In 3.13, each uop is compiled with the cases of all.
    assert (made.restored, made.compiled) == (0, cpython.uops - 1 if version == "3.13" else 1)
    # What includes the cases; and by CPython's rules, what is linked with that runs once more to freeze modules.
    assert {"Python/ceval.o", "Python/jit.o"} <= made.objects <= _INCLUDE_CASES | _FREEZE, made.objects
    cpython.edit_header()
    made = cpython.make(what="make after an edit of a header")
    # All include it. The entry includes less.
    assert made.restored == 0
    assert made.compiled in (cpython.uops, cpython.uops - 1)
    _check(cpython, "its tests, with the edits")

    cpython.run("make", "install", f"DESTDIR={cpython.tree.parent / 'installed'}")
    _made(cpython.make(), 0)
    ours = snapshot(cpython.build, "jit_*")
    cpython.embed("unembed")
    assert not (cpython.build / "GNUmakefile").exists()
    assert not (cpython.build / ".copypatch").exists()
    assert snapshot(cpython.build, "jit_*") == ours
    _by_the_generator(cpython)
    lost = {name for name, content in before.items() if not _is(cpython.build / name, content)}
    assert lost == set()
    print("\n".join([f"{version}, {'in' if in_tree else 'out of'} tree:", *_lines(cpython)]))


def _interrupted(cpython: Cpython) -> dict[str, bytes]:
    """Kill a build when it is half done, and start two at the same time: nothing is lost, and nothing mixed."""
    assert cpython.make("regen-jit", what="make regen-jit").compiled == cpython.uops
    before = snapshot(cpython.build)
    cpython.edit_template()
    cpython.kill_when_half_done("regen-jit")
    assert snapshot(cpython.build) == before
    running = [cpython.start("make", "-j2", "regen-jit") for _ in range(2)]
    both = [Made.of(process.communicate()[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert 0 < sum(made.compiled for made in both) < cpython.uops
    assert _texts(snapshot(cpython.build)) != _texts(before)
    cpython.edit_template(back=True)
    assert cpython.make("regen-jit").compiled == 0
    assert _texts(snapshot(cpython.build)) == _texts(before)
    return _texts(before)


def _texts(found: dict[str, tuple[bytes, int]]) -> dict[str, bytes]:
    return {name: content for name, (content, _) in found.items()}


def _is(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _lines(cpython: Cpython) -> list[str]:
    return [f"  {taken}  {what}" for what, taken in cpython.times.items()]


def _check(cpython: Cpython, what: str = "its tests") -> None:
    """Run the interpreter with the JIT on."""
    output = cpython.run("./python", "-c", _HOT, PYTHON_JIT="1")
    assert re.search(r"machine code: \[\d+", output), output
    ignored = [word for name in os.environ.get("COPYPATCH_END_TO_END_IGNORE", "").split() for word in ("-i", name)]
    output = cpython.run("./python", "-m", "test", *ignored, *_TESTS, what=what, PYTHON_JIT="1")
    assert "Result: SUCCESS" in output, output[-3000:]
    assert "test_opt skipped" not in output, output[-3000:]
    print(*re.findall(r"^Total tests: .*", output, re.MULTILINE))


def _by_the_generator(cpython: Cpython) -> None:
    """Make the same with the tree's own rule, and edit back what was edited."""
    headers, machine_code = (
        snapshot(cpython.build, "jit_stencils*"),
        (cpython.build / "Python" / "jit.o").read_bytes(),
    )
    cpython.generator(what="the tree's own rule: make again")
    assert snapshot(cpython.build, "jit_stencils-*") == {name: headers[name] for name in headers if "-" in name}
    # With 3.15's stamp, its rules make them in one go; without, once for each file that is missing.
    for path in [*(cpython.build / name for name in headers), cpython.build / ".jit-stamp"]:
        path.unlink(missing_ok=True)
    cpython.generator(what="the tree's own rule: make, for want of stencils alone")
    # The headers differ in the command line and in comments with a path of the object.
    assert (cpython.build / "Python" / "jit.o").read_bytes() == machine_code
    cpython.edit_case(back=True)
    cpython.generator(what="the tree's own rule: make after an edit of a case")
    before = snapshot(cpython.build)
    cpython.edit_header(back=True)
    cpython.generator(what="the tree's own rule: make after an edit of a header (the stencils stay stale)")
    assert snapshot(cpython.build) == before


@_WHOLE
@_VERSIONS
def test_options_of_configure(whole: Callable[[str, bool], Cpython], version: str) -> None:
    cpython = whole(version, False)
    # 3.13 has no flags for the JIT alone.
    flags = [] if version == "3.13" else ["CFLAGS_JIT=-O2 -DSAID='a b'"]
    _configure(cpython, "--with-pydebug", *flags)
    cpython.embed()
    assert cpython.make("Python/jit.o").compiled == cpython.uops
    # The digest in the first line is over these options, and so the generator has nothing to do.
    headers = snapshot(cpython.build, "jit_stencils-*" if version == "3.15" else "jit_stencils*")
    (name,) = [name for name in headers if version == "3.13" or "-" in name]
    assert headers[name][0].count(b"__assert_fail") > 0
    os.utime(cpython.build / "pyconfig.h")
    cpython.generator("regen-jit")
    assert snapshot(cpython.build, name) == {name: headers[name]}
    commands = cpython.run(sys.executable, *_VERBOSE, *_command(cpython))
    assert " -D_DEBUG " in commands
    assert version == "3.13" or " '-DSAID=a b'" in commands


_VERBOSE = (str(trees.ROOT / "jit_build.py"), "cache=off")


def _command(cpython: Cpython) -> list[str]:
    """The Makefile's command, which is to say what it runs."""
    (line,) = {
        line.split("build.py ", 1)[1]
        for line in (cpython.build / "Makefile").read_text("utf-8").splitlines()
        if line.startswith("\t$(PYTHON_FOR_REGEN) $(srcdir)/Tools/jit/build.py ")
    }
    script = cpython.tree / "Tools" / "jit" / "build.py"
    return [f"llvm={cpython.llvm}", str(script), *shlex.split(line), "-f", "-v"]


@_WHOLE
@_VERSIONS
def test_profiles(whole: Callable[[str, bool], Cpython], version: str) -> None:
    """Make all, as it is after configure --enable-optimizations: two whole builds, a clean between them."""
    cpython = whole(version, False)
    _configure(cpython, "--enable-optimizations")
    cpython.embed()
    task = "PROFILE_TASK=-c pass"
    made = cpython.make("profile-gen-stamp", task)
    assert made.compiled == cpython.uops
    headers = snapshot(cpython.build)
    cpython.make("profile-run-stamp", task)
    # 3.13 deletes the header there, and its generator has to make it twice.
    assert snapshot(cpython.build) == ({} if version == "3.13" else headers)
    made = cpython.make(task)
    assert "Python/jit.o" in made.objects
    assert (made.restored, made.compiled) == (0, 0)
    assert _texts(snapshot(cpython.build)) == _texts(headers)
    output = cpython.run("./python", "-c", _HOT, PYTHON_JIT="1")
    assert re.search(r"machine code: \[\d+", output), output

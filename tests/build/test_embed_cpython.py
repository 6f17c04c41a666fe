"""copypatch in the build of a real CPython: its own configure, its own Makefile, its own tests.

The first test needs what tests/provision brings, and makes Python/jit.o alone. The others build whole
interpreters, minutes each: `COPYPATCH_END_TO_END=1 pytest -s tests/build/test_embed_cpython.py` runs them and
prints the times.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.scons import Scons, snapshot

pytestmark = [
    pytest.mark.build,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]

_CLOSING = re.compile(
    r"copypatch: (\d+) uops: (\d+) up to date, (\d+) restored, (\d+) \w+ in shards, (\d+) \w+ alone"
)
# A uop that calls an inline function, and that function: in both releases.
_CASE = ("        case _LIST_APPEND: {\n", "            if (stack_pointer == NULL) { JUMP_TO_ERROR(); }\n")
_INLINE = ("    Py_ssize_t allocated = self->allocated;\n", "    if (allocated < -1) { return -1; }\n")


@dataclass(frozen=True)
class Cpython:
    """A tree, its build folder, and how programs run there."""

    tree: Path
    build: Path
    scons: Scons
    llvm: Path

    @classmethod
    def copied(cls, original: Path, folder: Path, build: str, scons: Scons, llvm: Path, *leave: str) -> Cpython:
        """Copy a tree, but for what is at its top by names that are given; *build* is where it is built in it."""
        tree = folder / "tree"

        def ignore(path: str, names: list[str]) -> set[str]:
            return {"__pycache__", *(leave if Path(path) == original else ())} & set(names)

        shutil.copytree(original, tree, symlinks=True, ignore=ignore)
        return cls(tree, tree / build, scons, llvm)

    def run(self, *command: str | Path, **environ: str) -> tuple[str, float]:
        """Run a command in the build folder, which must succeed; return its output and the seconds it took."""
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.build,
            env={**self.scons.environment(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout, time.monotonic() - started

    def make(self, *arguments: str) -> tuple[list[int], set[str], float]:
        """Run make; return how many uops it took out of the cache and compiled, the objects made, and seconds."""
        output, seconds = self.run("make", "-j2", *arguments)
        assert not re.search(r"make(\[\d+\])?: warning|akefile:\d+: warning", output), output
        closing = _CLOSING.search(output)
        made = [int(number) for number in closing.groups()[2:]] if closing else [0, 0, 0]
        objects = set(re.findall(r"^\S*(?:cc|clang)\S* -c .* -o (\S+\.o) ", output, re.MULTILINE))
        return [made[0], made[1] + made[2]], objects, seconds

    def embed(self, target: str = "embed") -> None:
        """Run `scons embed`."""
        words = [f"build={self.build}", *([f"llvm={self.llvm}"] if target == "embed" else [])]
        done = self.scons.run([sys.executable, "-m", "SCons", target, *words])
        assert done.status == 0, done.output

    def edit_case(self) -> None:
        """Change what a uop does, where it never is."""
        trees.edit(trees.cases_file(self.tree), _CASE[0], "".join(_CASE))

    def edit_header(self) -> None:
        """Change an inline function, for lists that never are: even one that is being sorted says -1."""
        trees.edit(self.tree / "Include" / "internal" / "pycore_list.h", _INLINE[0], "".join(_INLINE))


@pytest.fixture
def plain(tmp_path: Path, home: Path) -> Scons:
    """Scons without a variable of ours; its cache is the test's own."""
    return Scons(home, environ={"XDG_CACHE_HOME": str(tmp_path / "cache")})


def test_jit_o_of_debians_source(place: Callable[[str], Path], tmp_path: Path, plain: Scons, llvm_18: Path) -> None:
    original, configured = place("COPYPATCH_TREE_3_13"), place("COPYPATCH_PYCONFIG_3_13")
    leave = ["Lib", "Doc", "Mac", "PC", "PCbuild", "build", "dbg"]
    cpython = Cpython.copied(original, tmp_path, "made", plain, llvm_18, *leave)
    shutil.copytree(configured, cpython.build)
    _keep_few_cases(trees.cases_file(cpython.tree))
    makefile = cpython.build / "Makefile"
    # It was configured in another folder.
    text = re.sub(r"^(srcdir|VPATH)=.*$", r"\1=\t\t..", makefile.read_text("utf-8"), flags=re.MULTILINE)
    makefile.write_text(text, encoding="utf-8")
    files = _files(cpython.build)
    cpython.embed()
    uops = len(trees.opnames(trees.cases_file(cpython.tree))) + 1
    assert cpython.make("Python/jit.o")[:2] == ([0, uops], {"Python/jit.o"})
    assert cpython.make("Python/jit.o", "regen-jit")[:2] == ([0, 0], set())
    # The tree's own rule takes our header for its generator's.
    headers = snapshot(cpython.build)
    cpython.make("-f", "Makefile", "regen-jit", f"PYTHON_FOR_REGEN={sys.executable}")
    assert snapshot(cpython.build) == headers
    list_h = cpython.tree / "Include" / "internal" / "pycore_list.h"
    list_h.write_text(list_h.read_text("utf-8") + "// a comment\n", encoding="utf-8")
    assert cpython.make("jit_stencils.h")[0] == [0, 0]
    assert snapshot(cpython.build) == headers
    # In 3.13 all uops are compiled with the text of all, so all are compiled again.
    cpython.edit_header()
    assert cpython.make("Python/jit.o")[:2] == ([0, uops], {"Python/jit.o"})
    assert snapshot(cpython.build) != headers
    cpython.embed("unembed")
    for path in [*cpython.build.glob("jit_stencils*.h"), cpython.build / "Python" / "jit.o"]:
        path.unlink()
    assert _files(cpython.build) == files


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
_INCLUDE_CASES = {"Python/ceval.o", "Python/optimizer.o", "Python/jit.o"}
_FREEZE = {"Programs/_bootstrap_python.o", "Python/frozen.o", "Modules/getbuildinfo.o"}
_WHOLE = pytest.mark.skipif(
    not os.environ.get("COPYPATCH_END_TO_END"),
    reason="builds a whole interpreter, which takes minutes: set COPYPATCH_END_TO_END=1",
)


@_WHOLE
@pytest.mark.parametrize("folder", ["build", "."], ids=["out of tree", "in tree"])
@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_an_interpreter(
    *, place: Callable[[str], Path], tmp_path: Path, plain: Scons, version: str, folder: str
) -> None:
    name = version.replace(".", "_")
    llvm = place(trees.LLVM[version])
    # Test modules are needed: the JIT's own tests use them.
    cpython = Cpython.copied(place(f"COPYPATCH_TREE_{name}"), tmp_path, folder, plain, llvm, "build", "dbg", "Doc")
    cpython.build.mkdir(exist_ok=True)
    times: dict[str, float] = {}
    configure = cpython.tree / "configure"
    _, times["configure"] = cpython.run(configure, "--enable-experimental-jit", "OPT=-O1 -DNDEBUG -fwrapv")
    before = _files(cpython.build) if folder != "." else {}
    cpython.embed()

    (_, compiled), objects, times["make -j2"] = cpython.make()
    assert compiled == len(trees.opnames(trees.cases_file(cpython.tree))) + 1
    assert "Python/jit.o" in objects
    _check(cpython, times)
    made, objects, times["make again"] = cpython.make()
    assert (made, objects) == ([0, 0], set())

    cpython.edit_case()
    made, objects, times["make after an edit of a case"] = cpython.make()
    # In 3.13, each uop is compiled with the cases of all.
    assert made == [0, 1 if version == "3.14" else compiled - 1]
    # What includes the cases; and by CPython's rules, what is linked with that runs once more to freeze modules.
    assert {"Python/ceval.o", "Python/jit.o"} <= objects <= _INCLUDE_CASES | _FREEZE, objects
    cpython.edit_header()
    made, _, times["make after an edit of a header"] = cpython.make()
    # All include it. The entry includes less.
    assert made[0] == 0
    assert made[1] in (compiled, compiled - 1)
    _check(cpython, times)

    cpython.run("make", "install", f"DESTDIR={tmp_path / 'installed'}")
    assert cpython.make()[0] == [0, 0]
    ours = snapshot(cpython.build)
    cpython.embed("unembed")
    assert not (cpython.build / "GNUmakefile").exists()
    assert snapshot(cpython.build) == ours
    _generator(cpython, times)
    if before:
        changed = {path for path, state in before.items() if _files(cpython.build).get(path) != state}
        assert changed == set()
    with_title = [f"{version}, {'in' if folder == '.' else 'out of'} tree:"]
    print("\n".join(with_title + [f"  {seconds:7.2f} s  {what}" for what, seconds in times.items()]))


def _check(cpython: Cpython, times: dict[str, float]) -> None:
    """Run the interpreter with the JIT on."""
    output, _ = cpython.run("./python", "-c", _HOT, PYTHON_JIT="1")
    assert re.search(r"machine code: \[\d+", output), output
    output, times["its tests"] = cpython.run("./python", "-m", "test", *_TESTS, PYTHON_JIT="1")
    assert "Result: SUCCESS" in output, output[-3000:]


def _generator(cpython: Cpython, times: dict[str, float]) -> None:
    """The same edits with the tree's own rule."""
    path = f"{cpython.llvm / 'bin'}:{cpython.scons.environment()['PATH']}"
    regen = f"PYTHON_FOR_REGEN={sys.executable}"

    def make(what: str) -> None:
        _, times[f"the tree's own rule: {what}"] = cpython.run("make", "-j2", regen, PATH=path)

    make("make again")
    trees.edit(trees.cases_file(cpython.tree), "".join(_CASE), _CASE[0])
    make("make after an edit of a case")
    before = snapshot(cpython.build)
    header = cpython.tree / "Include" / "internal" / "pycore_list.h"
    trees.edit(header, "".join(_INLINE), _INLINE[0])
    make("make after an edit of a header (not noticed by the stencils)")
    assert snapshot(cpython.build) == before

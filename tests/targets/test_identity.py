"""Every target's header against that of the real generators, which are run live: equal byte for byte.

The small tree of tests/support is fed to the Python files of three releases' Tools/jit and to us. It needs no
system header, so all seven targets can be compiled here. What may differ is line 2 (the command line) and, in
llvm-objdump's `file format` comment, the object's path and the white space around it. Where there is code of ours
that makes stencils of objects, it and the tree's own in its place (engine=native, engine=tree) are both compared.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from copypatch import variables
from copypatch.build import build
from copypatch.console import Console
from copypatch.process import Runner
from copypatch.report import Report
from copypatch.session import open_session, open_tree
from support import trees
from support.scons import Done, Scons, texts
from targets.conftest import KINDS, TRIPLES
from targets.machines import AArch64

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Whose Python files: those of 3.13.5, which folds pairs, and of the last 3.14 and 3.15.
GENERATORS = {
    "3.13": "COPYPATCH_TREE_3_13",
    "3.14": "COPYPATCH_TOOLS_JIT_3_14",
    "3.15": "COPYPATCH_TOOLS_JIT_3_15",
}
# One target of each object format: for the slower half of what is compared, unless all are asked for.
_ONE_EACH = ("aarch64-unknown-linux-gnu", "i686-pc-windows-msvc", "aarch64-apple-darwin")
ALL = bool(os.environ.get("COPYPATCH_ALL_TARGETS"))
_TOOLS = ("clang", "llvm-readobj", "llvm-objdump", "llvm-dwarfdump")


@dataclass(frozen=True)
class Subject:
    """A tree with a generator, and the LLVM that both sides use."""

    form: str
    tree: Path
    pyconfig: Path
    llvm: Path
    # What the compiler finds headers by, besides.
    environ: Mapping[str, str] = field(default_factory=dict)
    cflags: str = ""

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
            command += [f"--cflags={self.cflags}"] if self.cflags else []
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        # Its digest counts the bytecode in Tools/jit as an input.
        environ = {**os.environ, **self.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    def variables(self, out: Path, kind: str, triples: Sequence[str], engine: str) -> dict[str, str]:
        """What copypatch has to be told to build the same."""
        said = {
            "cpython": self.tree,
            "pyconfig": self.pyconfig,
            "llvm": self.llvm,
            "out": out,
            "debug": int(kind == "debug"),
            "target": ",".join(triples),
            "engine": engine,
        }
        return {name: str(value) for name, value in said.items()} | ({"cflags": self.cflags} if self.cflags else {})

    def scons(self, home: Path, out: Path, kind: str, triples: Sequence[str], engine: str = "auto") -> Done:
        """Run scons on the same tree."""
        return Scons(home, variables=self.variables(out, kind, triples, engine), environ=self.environ)()

    def by_the_tree(self, out: Path, kind: str, triples: Sequence[str]) -> Report:
        """Make the headers in *out* again with engine=tree, and return what became of the uops.

        In this process: of objects that are there it is done sooner than another process has started.
        """
        options = variables.parse({**self.variables(out, kind, triples, "tree"), "cache": "off"}, out)
        console = Console(io.StringIO(), io.StringIO(), live=False)
        session = open_session(options, open_tree(options, out), out, Runner(2), console)
        build(session)
        if session.lock is not None:
            session.lock.close()
        return session.context.report


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


@pytest.fixture
def small(place: Callable[[str], Path], llvm_all: Path, tmp_path: Path) -> Callable[[str], Subject]:
    """Lay out the small tree with a release's generator."""

    def make(form: str) -> Subject:
        tree = trees.make(tmp_path / "tree", form)
        real = place(GENERATORS[form])
        trees.add_generator(tree, real / "Tools" / "jit")
        if form == "3.13":
            # What the run time of this very release can patch: only 3.13.5 and its like fold pairs.
            shutil.copyfile(real / "Python" / "jit.c", tree / "Python" / "jit.c")
        _take_any_llvm(tree / "Tools" / "jit")
        return Subject(form, tree, tree, llvm_all)

    return make


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
    built = subject.scons(home, ours, kind, triples, "tree" if subject.form == "3.15" else "native")
    assert built.status == 0, built.output
    assert texts(ours).keys() == texts(theirs).keys()
    for triple in triples:
        check_equal(ours / subject.header(triple), theirs / subject.header(triple))
    if subject.form != "3.13":
        check_dispatchers(ours, theirs, "jit_stencils.h")
    if subject.form == "3.15":
        check_dispatchers(ours, theirs, "jit_unwind_info.h")
        for triple in triples:
            check_equal(ours / f"jit_unwind_info-{triple}.h", theirs / f"jit_unwind_info-{triple}.h")
            check_shim(ours / f"jit_shim-{triple}.o", theirs / f"jit_shim-{triple}.o")
    else:
        some = triples if kind == "release" or ALL else [triple for triple in triples if triple in _ONE_EACH]
        check_by_the_tree(subject, ours, kind, some)


def check_by_the_tree(subject: Subject, ours: Path, kind: str, triples: Sequence[str]) -> None:
    """Let the tree's own code make headers that ours has made, of the same objects: they are the same."""
    headers = [ours / subject.header(triple) for triple in triples]
    native = [header.read_bytes() for header in headers]
    for header in headers:
        header.unlink()
    if headers:
        report = subject.by_the_tree(ours, kind, triples)
        assert not report.alone | report.sharded
    assert [header.read_bytes() for header in headers] == native


def check_dispatchers(ours: Path, theirs: Path, name: str) -> None:
    """Compare the headers that pick a target's, but for the command that they begin with."""
    one, other = ((side / name).read_text(encoding="utf-8").split("\n") for side in (ours, theirs))
    assert one[1:] == other[1:]


def check_shim(ours: Path, theirs: Path) -> None:
    """Compare two objects, but for the time that the generator lets clang write into a COFF file's head."""
    one, other = ours.read_bytes(), theirs.read_bytes()
    if "windows" in ours.name:
        assert one[4:8] == bytes(4)
        one, other = one[:4] + one[8:], other[:4] + other[8:]
    assert one == other


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("triple", TRIPLES)
def test_each_target_of_3_13(
    small: Callable[[str], Subject], home: Path, tmp_path: Path, triple: str, kind: str
) -> None:
    subject = small("3.13")
    check_identity(subject, home, tmp_path, kind, [triple])
    if triple == "aarch64-unknown-linux-gnu":
        # What 3.13.5 alone does is put to the test, where the generator is 3.13.5's.
        assert ("patch_aarch64_33rx" in (tmp_path / "ours" / "jit_stencils.h").read_text()) == folds_pairs(subject)


def folds_pairs(subject: Subject) -> bool:
    """Tell whether a generator has patch_aarch64_33rx."""
    return "aarch64_33rx" in (subject.tree / "Tools" / "jit" / "_stencils.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_all_targets_of_3_14(small: Callable[[str], Subject], home: Path, tmp_path: Path, kind: str) -> None:
    check_identity(small("3.14"), home, tmp_path, kind, TRIPLES)


@pytest.mark.parametrize("kind", KINDS)
def test_all_targets_of_3_15(small: Callable[[str], Subject], home: Path, tmp_path: Path, kind: str) -> None:
    """Of debug builds one target of each format, or with COPYPATCH_ALL_TARGETS all: 3.15's generator is slow."""
    subject = small("3.15")
    # A branch out of the stencil that A64 has 19 bits for, which the tree's passes make of a jump.
    trees.add_case(subject.tree, "_NEW_1", "if (tstate->counts[0] == 0) { JUMP_TO_JUMP_TARGET(); } break;")
    triples = TRIPLES if kind == "release" or ALL else _ONE_EACH
    check_identity(subject, home, tmp_path, kind, triples)
    text = (tmp_path / "ours" / "jit_stencils-aarch64-unknown-linux-gnu.h").read_text(encoding="utf-8")
    for function in ("19r", "16a", "16b", "33rx", "trampoline"):
        assert f"patch_aarch64_{function}(" in text


@pytest.mark.parametrize("which", [(form, kind) for form in ("3.13", "3.14") for kind in KINDS], ids="-".join)
def test_a_real_tree_for_aarch64_linux(
    place: Callable[[str], Path], aarch64: AArch64, home: Path, tmp_path: Path, which: tuple[str, str]
) -> None:
    """All of CPython's own uops. The C library's headers come in as a user would say it for each release."""
    form, kind = which
    if os.environ.get("CI"):
        pytest.skip("CI has no time for it; there the small tree stands for all targets, and x86_64 for real ones")
    name = form.replace(".", "_")
    real = place(f"COPYPATCH_TREE_{name}")
    pyconfig = place(f"COPYPATCH_PYCONFIG_{name}{'_DEBUG' if kind == 'debug' else ''}")
    tree = tmp_path / "tree"
    for folder in ("Include", "Python", "Tools/jit"):
        shutil.copytree(real / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    _take_any_llvm(tree / "Tools" / "jit")
    subject = Subject(form, tree, pyconfig, aarch64.llvm)
    if form == "3.13":
        subject = replace(subject, environ={"C_INCLUDE_PATH": str(aarch64.sysroot / "usr" / "include")})
    else:
        subject = replace(subject, cflags=f"--sysroot={aarch64.sysroot}")
    check_identity(subject, home, tmp_path, kind, ["aarch64-unknown-linux-gnu"])
    if form == "3.13":
        assert ("patch_aarch64_33rx" in (tmp_path / "ours" / "jit_stencils.h").read_text()) == folds_pairs(subject)


# Uops that a generator dies of, by what it can't express.
_REFUSED = {
    "R_X86_64_32S": (
        "3.14",
        "x86_64-unknown-linux-gnu",
        """switch (tstate->counts[0]) {
                case 0: tstate->counts[1] = 5; break;
                case 1: mini_raise(tstate, "one"); break;
                case 2: tstate->error = NULL; break;
                case 3: tstate->counts[3] = tstate->counts[1]; break;
                case 4: frame->code = NULL; break;
            }
            break;""",
    ),
    "R_X86_64_PC32": ("3.14", "x86_64-unknown-linux-gnu", "tstate->number *= 3.25; break;"),
    "R_AARCH64_LDST64_ABS_LO12_NC": ("3.14", "aarch64-unknown-linux-gnu", "tstate->number += 1e100; break;"),
    "R_AARCH64_LDST128_ABS_LO12_NC": (
        "3.13",
        "aarch64-unknown-linux-gnu",
        "tstate->counts[0] += 4886718345; tstate->counts[1] += 40926266145; break;",
    ),
    "X86_64_RELOC_SIGNED_4": (
        "3.13",
        "x86_64-apple-darwin",
        "static int64_t *where = (int64_t *)&mini_interrupt; tstate->counts[0] = *where; where = NULL; break;",
    ),
    "IMAGE_REL_AMD64_ADDR64": (
        "3.14",
        "x86_64-pc-windows-msvc",
        'static const char *const names[] = {"red", "green"}; tstate->names = names; break;',
    ),
    "IMAGE_REL_I386_SECREL": (
        "3.13",
        "i686-pc-windows-msvc",
        "static _Thread_local int64_t mine; mine += tstate->counts[0]; tstate->counts[1] = mine; break;",
    ),
    "ARM64_RELOC_ADDEND": (
        "3.14",
        "aarch64-apple-darwin",
        "static const int64_t table[] = {5, 3, 1, 9}; tstate->names = &table[2]; break;",
    ),
}


@pytest.mark.parametrize("refused", list(_REFUSED))
def test_what_a_generator_dies_of_is_refused_with_a_reason(
    small: Callable[[str], Subject], home: Path, tmp_path: Path, refused: str
) -> None:
    form, triple, body = _REFUSED[refused]
    subject = small(form)
    trees.add_case(subject.tree, "_NEW_1", body)
    theirs = subject.generate(tmp_path / "theirs", "release", [triple])
    assert theirs.returncode != 0
    assert refused in theirs.stderr
    ours = subject.scons(home, tmp_path / "ours", "release", [triple], "native")
    assert ours.status != 0
    assert not ours.has_traceback
    where = rf"error: _NEW_1: section \S+, offset 0x[0-9a-f]+: relocation {refused} against \S+: no patch function"
    assert re.search(where, ours.output), ours.output
    assert not (tmp_path / "ours" / subject.header(triple)).exists()


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"])
def test_zero_filled_data_is_no_trouble(
    small: Callable[[str], Subject], home: Path, tmp_path: Path, triple: str
) -> None:
    """The generator takes it for Windows alone, and stops at an assertion elsewhere."""
    subject = small("3.14")
    trees.add_case(subject.tree, "_NEW_1", "static int64_t sums[4]; tstate->names = sums; break;")
    theirs = subject.generate(tmp_path / "theirs", "release", [triple])
    assert theirs.returncode != 0
    assert "AssertionError" in theirs.stderr
    ours = subject.scons(home, tmp_path / "ours", "release", [triple], "native")
    assert ours.status == 0, ours.output
    header = (tmp_path / "ours" / subject.header(triple)).read_text(encoding="utf-8")
    (size,) = re.findall(r"\[_NEW_1\] = \{emit__NEW_1, \d+, (\d+), ", header)
    assert int(size) >= 32

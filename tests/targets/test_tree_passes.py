"""The tree's own Python files make what they make, from the moment that someone edits them.

The small tree with a release's generator, for this machine's target: a fork edits files of Tools/jit, and we build
what its generator writes, without a uop being compiled for it. From 3.15 on these files are always run, in 3.13 and
3.14 where they are no release's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.ninja import Ninja
from support.scons import Done, Scons, snapshot
from targets.test_identity import ALL, Subject, check_equal, small  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

TRIPLE = "x86_64-unknown-linux-gnu"


@dataclass(frozen=True)
class Fork:
    """The tree, its generator, and an output folder of ours that stays from one edit to the next."""

    subject: Subject
    home: Path
    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "ours"

    @property
    def uops(self) -> Path:
        return self.out / "uops" / f"{TRIPLE}-release"

    def edit(self, file: str, old: str, new: str) -> None:
        trees.edit(self.subject.tree / "Tools" / "jit" / file, old, new)

    def scons(self) -> Scons:
        tree, llvm = self.subject.tree, self.subject.llvm
        return Scons(self.home, variables={"cpython": tree, "llvm": llvm, "out": self.out, "target": TRIPLE})

    def build(self, *arguments: str) -> Done:
        return self.scons()(*arguments)

    def ok(self, *arguments: str) -> Done:
        done = self.build(*arguments)
        assert done.status == 0, done.output
        return done

    def is_the_generators(self, name: str) -> None:
        """Run the tree's generator, and compare."""
        theirs = self.folder / name
        done = self.subject.generate(theirs, "release", [TRIPLE])
        assert done.returncode == 0, done.stderr
        names = [self.subject.header(TRIPLE)]
        if self.subject.form == "3.15":
            names.append(f"jit_unwind_info-{TRIPLE}.h")
        for header in names:
            check_equal(self.out / header, theirs / header)

    def files(self, pattern: str) -> dict[str, tuple[bytes, int]]:
        """Files with their times, but for those of the uop that is compiled again because clang warned of it."""
        found = snapshot(self.uops, pattern)
        return {name: state for name, state in found.items() if "_WARN." not in name}


@pytest.fixture
def fork(small: Callable[[str], Subject], home: Path, tmp_path: Path) -> Fork:  # noqa: F811
    return Fork(small("3.15"), home, tmp_path)


def test_an_edit_of_a_pass_remakes_what_it_makes(fork: Fork) -> None:
    first = fork.ok().counts
    assert (first.compiled, first.total) == (18, 18)
    assembly, objects = fork.files("*s/*.s"), fork.files("obj/*.o")
    tools = fork.subject.tree / "Tools" / "jit"
    assert sorted(tools.rglob("__pycache__")) == [], "the tree is left as it is"

    # The writer's, and the table of relocations.
    fork.edit("_writer.py", 'yield "void"', 'yield "static void"')
    fork.edit(
        "_writer.py", "    yield from _dump_footer(", '    yield "// of the fork"\n    yield from _dump_footer('
    )
    fork.edit("_stencils.py", '"R_X86_64_64": "patch_64"', '"R_X86_64_64": "patch_64_of_the_fork"')
    assert fork.ok().counts.compiled == 0
    assert differing(fork.files("*s/*.s"), assembly) == differing(fork.files("obj/*.o"), objects) == set()
    assert "patch_64_of_the_fork(" in (fork.out / f"jit_stencils-{TRIPLE}.h").read_text(encoding="utf-8")
    fork.is_the_generators("writer")

    # The optimiser: one more instruction in each uop. And relocations are read otherwise.
    fork.edit("_optimizers.py", "        self.path.write_text(self._body())", ADDED)
    fork.edit("_targets.py", '                    | "R_X86_64_GOTPCRELX"\n', "")
    assert fork.ok().counts.compiled == WARNS
    now = fork.files("*s/*.s")
    changed = {name for name, (text, _) in now.items() if text != assembly[name][0]}
    assert changed == {name for name in now if name.endswith(".opt.s")}
    assert all(now[name] == assembly[name] for name in now if name not in changed)
    fork.is_the_generators("optimiser")

    before = snapshot(fork.out, "jit_*")
    assert fork.ok().counts.fresh == 18
    assert snapshot(fork.out, "jit_*") == before


def differing(one: dict[str, tuple[bytes, int]], other: dict[str, tuple[bytes, int]]) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


# One of the small tree's uops makes clang say something, which is to be seen again whenever its object is made.
WARNS = 1
ADDED = """        self.path.write_text(self._body().replace("\\n_JIT_ENTRY:", "\\n_JIT_ENTRY:\\n\\tnop #", 1))"""


def test_a_pass_that_changes_nothing_ends_there(fork: Fork) -> None:
    fork.ok()
    made = {files: fork.files(files) for files in ("opt.s/*", "obj/*", "json/*", "fragments/*")}
    fork.edit("_optimizers.py", '"""Low-level optimization of textual assembly."""', '"""The same."""')
    assert fork.ok().counts.compiled == WARNS
    assert {files: fork.files(files) for files in made} == made


def test_assembly_goes_to_clang_together(fork: Fork) -> None:
    """All in a process for each job, but for two as a proof; what cannot be assembled costs no other uop much."""
    clang = CountedLLVM.make(fork.folder / "llvm", fork.subject.llvm)
    fork = replace(fork, subject=replace(fork.subject, llvm=clang.prefix))
    fork.ok()
    alone = [words[-1] for words in clang.runs() if words[-1].endswith(".opt.s")]
    # Of the first process that assembles.
    assert len(alone) == 2
    broken = BREAKS.replace("UOP", "_EXIT")
    fork.edit("_optimizers.py", "        self.path.write_text(self._body())", broken)
    clang.forget()
    done = fork.build()
    assert done.status != 0
    assert not done.has_traceback
    assert re.search(r"^/.*/opt\.s/_EXIT\.opt\.s:\d+:2: error: .*no_such_instruction", done.stderr, re.M)
    assert done.stderr.count("error: invalid") == 1, done.stderr
    assert "not written, for want of _EXIT\n" in done.stderr
    alone = [words[-1] for words in clang.runs() if words[-1].endswith(".opt.s")]
    assert alone == ["./_EXIT.opt.s"]
    fork.edit("_optimizers.py", broken, "        self.path.write_text(self._body())")
    fork.ok()


# All other uops get one more instruction, so that all are assembled again.
BREAKS = """        more = "no_such_instruction" if "UOP." in self.path.name else "nop"
        self.path.write_text(self._body().replace("\\n_JIT_ENTRY:", f"\\n_JIT_ENTRY:\\n\\t{more} #", 1))"""


def test_what_is_lost_or_damaged_is_made_again(fork: Fork) -> None:
    fork.ok()
    before = snapshot(fork.out, "jit_*")
    (fork.out / f"jit_shim-{TRIPLE}.o").write_bytes(b"damaged")
    (fork.out / "jit_unwind_info.h").unlink()
    (fork.out / f"jit_unwind_info-{TRIPLE}.h").unlink()
    (fork.uops / "opt.s" / "_ADD.opt.s").unlink()
    fork.ok("graph=full")
    after = snapshot(fork.out, "jit_*")
    assert {name: text for name, (text, _) in after.items()} == {name: text for name, (text, _) in before.items()}
    assert (fork.uops / "opt.s" / "_ADD.opt.s").is_file()


def test_the_shim_is_made_again_for_its_own_sake_alone(fork: Fork) -> None:
    fork.ok()
    made, shim = fork.files("obj/*.o"), (fork.out / f"jit_shim-{TRIPLE}.o").read_bytes()
    path = fork.subject.tree / "Tools" / "jit" / "shim.c"
    path.write_text(path.read_text(encoding="utf-8").replace("{\n", "{\n    mini_interrupt = 3;\n", 1), "utf-8")
    assert fork.ok().counts.compiled == 0
    assert (fork.out / f"jit_shim-{TRIPLE}.o").read_bytes() != shim
    assert fork.files("obj/*.o") == made
    fork.is_the_generators("shim")


REFUSED = [
    # Flags of one uop, and of one step.
    (
        "_targets.py",
        '            "-Os",\n',
        '            "-O1" if opname == "_ADD" else "-Os",\n',
        r"other flags for \.s files .*has -O1, and lacks -Os",
    ),
    ("_targets.py", ', "-c", "-o", f"{o}"', ', "-c", "-v", "-o", f"{o}"', r"other flags for \.o files .*has -v,"),
    # Another step.
    (
        "_targets.py",
        's = tempdir / f"{opname}.s"',
        's = tempdir / f"{opname}.asm"',
        r"makes \.asm and \.o of a uop",
    ),
    ("_writer.py", "import math\n", "import no_such_module\n", "No module named"),
    ("_writer.py", "for opname, group in groups.items():", "for opname, group in []:", "without some uop"),
    ("_stencils.py", '    "R_X86_64_64": "', '    "R_X86_64_65": "', r"_LOAD_OPERANDS: .*KeyError: 'R_X86_64_64'"),
    (
        "_stencils.py",
        "got_symbol_address({_ordinal:#x}, state) - 4",
        "got_symbol_address({_ordinal}, state) - 4",
        "a symbol's number is not told from the rest",
    ),
]


def test_what_cannot_be_driven_is_refused(fork: Fork) -> None:
    """A fork whose files go beyond what the worker knows gets no header rather than a wrong one."""
    fork.ok()
    before = snapshot(fork.out, "jit_*")
    for file, old, new, words in REFUSED:
        fork.edit(file, old, new)
        done = fork.build()
        assert done.status != 0
        assert not done.has_traceback, done.output
        assert re.search(words, done.output), done.output
        assert snapshot(fork.out, "jit_*") == before
        fork.edit(file, new, old)


def test_flags_of_a_fork(fork: Fork) -> None:
    """A fork compiles with what it says in _targets.py, and the next build with what it says then."""
    headers = fork.subject.tree / "Fork"
    headers.mkdir()
    (headers / "fork.h").write_text("#define FORK 3\n", encoding="utf-8")
    trees.edit(fork.subject.tree / "Tools" / "jit" / "template.c", '#include "Python.h"\n', FORK_H)
    first = fork.build()
    assert first.status != 0
    assert "'fork.h' file not found" in first.output
    fork.edit("_targets.py", '            "-Os",\n', FLAGS)
    assert fork.ok().counts.compiled == 18
    fork.is_the_generators("flags")
    objects = fork.files("obj/*.o")
    assert fork.ok().counts.fresh == 18

    fork.edit("_targets.py", '"-DFORKS=2"', '"-DFORKS=3"')
    done = fork.ok("explain=1")
    assert done.counts.compiled == 18
    assert re.search(r"_ADD: .*-DFORKS=3", done.output), done.output
    # Of a flag that changes nothing nothing is to be seen but that the header's first line is another one.
    assert {name: text for name, (text, _) in fork.files("obj/*.o").items()} == {
        name: text for name, (text, _) in objects.items()
    }
    fork.is_the_generators("other-flags")


FORK_H = '#include "Python.h"\n#include "fork.h"\n#if FORK != 3\n#error not the fork\n#endif\n'
FLAGS = """            "-O1",
            "-DFORKS=2",
            f"-I{CPYTHON / 'Fork'}",
"""


# A value that nobody else has, a relocation that 3.14 dies of, another patch function; relocations that are read
# otherwise; other C.
VALUE = """    # A hardcoded value of zero"""
EDITS = {
    "_stencils.py": [
        (VALUE, f"    # The fork's own:\n    FORK = enum.auto()\n{VALUE}"),
        ('    HoleValue.ZERO: "",\n', '    HoleValue.ZERO: "",\n    HoleValue.FORK: "executor->fork",\n'),
        ('    "R_X86_64_64": "patch_64",\n', '    "R_X86_64_64": "patch_64_of_the_fork",\n'),
    ],
    "_targets.py": [
        ('                    | "R_X86_64_GOTPCRELX"\n', ""),
        ('            "-O3",\n', '            "-O2",\n            "-DFORK=1",\n'),
    ],
    "_writer.py": [
        ('yield "void"', 'yield "static void"'),
        ("    yield from _dump_footer(", '    yield "// of the fork"\n    yield from _dump_footer('),
    ],
}
NEW = {
    "3.14": (
        '    "R_X86_64_PLT32": "patch_32r",\n',
        '    "R_X86_64_PLT32": "patch_32r",\n    "R_X86_64_PC32": "f",\n',
    )
}
USES = """{
    PyAPI_DATA(void) _JIT_FORK;
    tstate->counts[0] += (int64_t)(uintptr_t)&_JIT_FORK;
    tstate->number *= 3.25;
    break;
}"""


@pytest.mark.parametrize("form", ["3.13", "3.14"])
def test_a_fork_of_an_earlier_release(
    small: Callable[[str], Subject],  # noqa: F811
    home: Path,
    tmp_path: Path,
    form: str,
) -> None:
    fork = Fork(small(form), home, tmp_path)
    trees.add_case(fork.subject.tree, "_NEW_1", USES)
    for file, edits in EDITS.items():
        for old, new in edits + ([NEW[form]] if file == "_stencils.py" and form in NEW else []):
            fork.edit(file, old, new)
    done = fork.ok()
    assert (done.counts.compiled, done.counts.total) == (20, 20)
    assert (
        done.stderr.count(f"Tools/jit/{', Tools/jit/'.join(EDITS)}: of no release that copypatch's own code") == 1
    )
    fork.is_the_generators("theirs")
    text = (fork.out / fork.subject.header(TRIPLE)).read_text(encoding="utf-8")
    for part in ("executor->fork", "patch_64_of_the_fork(", "static void", "// of the fork"):
        assert part in text
    objects = fork.files("obj/*.o")
    # One more edit, and back to what everybody knows.
    fork.edit("_writer.py", "// of the fork", "// of the same fork")
    done = fork.ok()
    assert (done.counts.compiled, fork.files("obj/*.o")) == (0, objects)
    assert "\n// of the same fork\n" in (fork.out / fork.subject.header(TRIPLE)).read_text(encoding="utf-8")
    assert list(fork.subject.tree.rglob("__pycache__")) == []


def test_ninja_and_verify_know_them_too(
    small: Callable[[str], Subject],  # noqa: F811
    home: Path,
    tmp_path: Path,
) -> None:
    if not ALL:
        pytest.skip("COPYPATCH_ALL_TARGETS is not set: it takes time that CI has not, and both run the same steps")
    fork = Fork(small("3.14"), home, tmp_path)
    fork.ok("ninja")
    ninja = Ninja(fork.scons(), fork.out)
    ninja.ok()
    assert ninja.idle()
    objects = fork.files("obj/*.o")
    # From our code to the tree's, and from one fork's to another's.
    for old, new in pairwise(["patch_64", "patch_64_one", "patch_64_two"]):
        fork.edit("_stencils.py", f'"R_X86_64_64": "{old}"', f'"R_X86_64_64": "{new}"')
        ninja.ok()
        assert ninja.idle()
        assert f"{new}(" in (fork.out / fork.subject.header(TRIPLE)).read_text(encoding="utf-8")
    assert fork.files("obj/*.o") == objects
    assert ninja.is_like_scons()
    for engine in ("auto", "tree"):
        done = fork.ok("verify", f"engine={engine}")
        assert f"verify: jit_stencils-{TRIPLE}.h: identical to what the tree's own generator writes" in done.stdout
    done = fork.build("verify", "engine=native")
    assert done.status != 0
    assert "differs from the generator's in " in done.stderr
    assert "generator:     patch_64_two(" in done.stderr

"""3.15 and later: the tree's own Python files make what they make, from the moment that someone edits them.

The small tree with 3.15's generator, for this machine's target: a fork edits one of the files of Tools/jit, and we
build what its generator writes, without a uop being compiled for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.scons import Done, Scons, snapshot
from targets.test_identity import Subject, check_equal, small  # noqa: F401 (a fixture)

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

    def build(self, *arguments: str) -> Done:
        tree, llvm = self.subject.tree, self.subject.llvm
        scons = Scons(self.home, variables={"cpython": tree, "llvm": llvm, "out": self.out, "target": TRIPLE})
        return scons(*arguments)

    def ok(self, *arguments: str) -> Done:
        done = self.build(*arguments)
        assert done.status == 0, done.output
        return done

    def is_the_generators(self, name: str) -> None:
        """Run the tree's generator, and compare."""
        theirs = self.folder / name
        done = self.subject.generate(theirs, "release", [TRIPLE])
        assert done.returncode == 0, done.stderr
        for header in (f"jit_stencils-{TRIPLE}.h", f"jit_unwind_info-{TRIPLE}.h"):
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

    # The writer's, and the table of relocations'.
    fork.edit("_writer.py", 'yield "void"', 'yield "static void"')
    fork.edit("_stencils.py", '"R_X86_64_64": "patch_64"', '"R_X86_64_64": "patch_64_of_the_fork"')
    assert fork.ok().counts.compiled == 0
    assert differing(fork.files("*s/*.s"), assembly) == differing(fork.files("obj/*.o"), objects) == set()
    assert "patch_64_of_the_fork(" in (fork.out / f"jit_stencils-{TRIPLE}.h").read_text(encoding="utf-8")
    fork.is_the_generators("writer")

    # The optimiser: one more instruction in each uop.
    fork.edit("_optimizers.py", "        self.path.write_text(self._body())", ADDED)
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


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        pytest.param(
            "_targets.py",
            '            "-Os",\n',
            '            "-O1",\n',
            r"other flags .*has -O1, and lacks -Os",
            id="flags",
        ),
        pytest.param("_writer.py", "import math\n", "import no_such_module\n", "No module named", id="import"),
        pytest.param(
            "_stencils.py",
            '    "R_X86_64_64": "patch_64",\n',
            "",
            r"_LOAD_OPERANDS: .*KeyError: 'R_X86_64_64'",
            id="kind",
        ),
        pytest.param(
            "_stencils.py",
            "got_symbol_address({_ordinal:#x}, state) - 4",
            "got_symbol_address({_ordinal}, state) - 4",
            "a symbol's number is not told from the rest",
            id="numbers",
        ),
    ],
)
def test_what_cannot_be_driven_is_refused(fork: Fork, file: str, old: str, new: str, words: str) -> None:
    """A fork whose files go beyond what the worker knows gets no header rather than a wrong one."""
    fork.edit(file, old, new)
    done = fork.build()
    assert done.status != 0
    assert not done.has_traceback, done.output
    assert re.search(words, done.output), done.output
    assert list(fork.out.glob("jit_*")) == []

"""3.15 and later by ninja: the tree's own passes, once a build, in turn with scons, and no more than must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.ninja import Ninja
from support.scons import Scons, snapshot, texts

pytestmark = [pytest.mark.build, pytest.mark.slow]

TRIPLE = "x86_64-unknown-linux-gnu"
MADE = "jit_*"
# Says when a worker has imported the tree's files; beside the tree, whose folders are inputs.
_NOTE = """
with open(pathlib.Path(__file__).parents[3] / "workers", "a") as _file:
    _file.write("one more\\n")
"""


@dataclass(frozen=True)
class Fork:
    """A tree with 3.15's generator, a clang that takes notes, and ninja in an output folder."""

    tree: Path
    clang: CountedLLVM
    ninja: Ninja

    def edit(self, name: str, old: str, new: str) -> None:
        trees.edit(self.tree / name, old, new)

    def builds(self, compiled: set[str], assembled: set[str]) -> None:
        """Run ninja; it must compile these uops and assemble those, alone or together, with few workers."""
        started = self.tree.parent / "workers"
        before = started.read_text(encoding="utf-8").count("\n")
        self.clang.forget()
        self.ninja.ok()
        assert self.clang.compiled() == compiled
        assert self.assembled() == assembled
        # One; one that is asked for the flags after an edit of its files; one of a spare that was too late.
        assert started.read_text(encoding="utf-8").count("\n") - before <= 3
        # Nothing for scons to make, nor for ninja after it.
        made = snapshot(self.ninja.out, MADE)
        self.clang.forget()
        self.ninja.scons.ok()
        assert not [words for words in self.clang.runs() if words[-1].endswith((".c", ".s", ".ll"))]
        assert self.ninja.idle()
        assert snapshot(self.ninja.out, MADE) == made

    @property
    def shim(self) -> Path:
        return self.ninja.out / f"jit_shim-{TRIPLE}.o"

    def assembled(self) -> set[str]:
        words = [
            word for run in self.clang.runs() for word in run if not word.startswith("-") and "-###" not in run
        ]
        return {Path(word).name.partition(".")[0] for word in words if word.endswith((".opt.s", ".ll"))}

    def is_like_scons(self) -> bool:
        assert self.ninja.is_like_scons()
        return texts(self.ninja.out, MADE) == texts(self.ninja.out.with_name("clean"), MADE)


@pytest.fixture
def fork(place: Callable[[str], Path], home: Path, tmp_path: Path) -> Fork:
    tree = trees.make(tmp_path / "tree", "3.15")
    trees.add_generator(tree, place("COPYPATCH_TOOLS_JIT_3_15") / "Tools" / "jit")
    with (tree / "Tools" / "jit" / "_targets.py").open("a", encoding="utf-8") as file:
        file.write(_NOTE)
    real, out = place(trees.LLVM["3.15"]), tmp_path / "out"
    clang = CountedLLVM.make(tmp_path / "llvm", real)
    scons = Scons(home, variables={"out": out, "cpython": tree, "llvm": clang.prefix, "target": TRIPLE})
    scons.ok("ninja")
    ninja = Ninja(scons, out)
    ninja.ok()
    return Fork(tree, clang, ninja)


def test_a_fork(fork: Fork) -> None:
    """One folder, edit after edit, as people work on a fork."""
    everything = set(trees.opnames(trees.cases_file(fork.tree)))
    assert fork.ninja.idle()
    fork.edit("Python/executor_cases.c.h", '"interrupted"', '"stopped"')
    fork.builds({"_CHECK_INTERRUPT"}, {"_CHECK_INTERRUPT"})

    # A comment in a header, and one in a pass: its assembly comes out the same.
    fork.edit("Include/refcount.h", "#define MINI", "// one\n#define MINI")
    fork.edit("Tools/jit/_optimizers.py", '"""Low-level optimization of textual assembly."""', '"""The same."""')
    fork.builds(set(), set())

    fork.edit("Tools/jit/_stencils.py", '"R_X86_64_64": "patch_64"', '"R_X86_64_64": "patch_64_of_the_fork"')
    fork.edit("Tools/jit/_optimizers.py", OPTIMISED, ADDED)
    fork.builds(set(), everything)
    assert "patch_64_of_the_fork(" in (fork.ninja.out / f"jit_stencils-{TRIPLE}.h").read_text(encoding="utf-8")

    shim = fork.shim.read_bytes()
    path = fork.tree / "Tools" / "jit" / "shim.c"
    path.write_text(path.read_text(encoding="utf-8").replace("{\n", "{\n    mini_interrupt = 3;\n", 1), "utf-8")
    fork.edit("Include/refcount.h", "REFERENCE 1", "REFERENCE 2")
    # All are compiled, and of one the assembly is another one.
    fork.builds(everything | {"shim"}, {"_LOAD_OPARG"})
    assert fork.shim.read_bytes() != shim

    # The flags of the compiler: all is compiled once more, the shim with it.
    fork.edit("Tools/jit/_targets.py", '"-Os"', '"-O1"')
    fork.builds(everything | {"shim"}, everything)

    # What scons has built, ninja finds, whatever its log says of it.
    fork.edit("Python/executor_cases.c.h", '"stopped"', '"halted"')
    fork.edit("Tools/jit/_writer.py", 'yield "void"', 'yield "static void"')
    fork.ninja.scons.ok()
    fork.builds(set(), set())

    # A uop that cannot be assembled, and files that are lost.
    before = snapshot(fork.ninja.out, MADE)
    fork.edit("Tools/jit/_optimizers.py", ADDED, BREAKS)
    done = fork.ninja()
    assert done.status != 0
    assert not done.has_traceback
    assert done.output.count("error: invalid instruction") == 1
    assert "opt.s/_EXIT.opt.s:" in done.output
    assert "not written, for want of _EXIT\n" in done.output
    assert snapshot(fork.ninja.out, MADE) == before
    fork.edit("Tools/jit/_optimizers.py", BREAKS, OPTIMISED)
    (part,) = fork.ninja.out.glob("uops/*-release")
    for name in ("s/_ADD.s", "fragments/_NOP.h", "opt.s/_MIX.opt.s", "obj/_REPEAT.o"):
        (part / name).unlink()
    fork.shim.unlink()
    fork.ninja.ok()
    assert fork.is_like_scons()
    assert fork.ninja.scons.ok().counts.compiled == 0
    assert fork.ninja.idle()


OPTIMISED = "        self.path.write_text(self._body())"
# One more instruction in each uop.
ADDED = """        self.path.write_text(self._body().replace("\\n_JIT_ENTRY:", "\\n_JIT_ENTRY:\\n\\tnop #", 1))"""


BREAKS = """        more = "no_such_instruction" if "_EXIT." in self.path.name else "nop"
        self.path.write_text(self._body().replace("\\n_JIT_ENTRY:", f"\\n_JIT_ENTRY:\\n\\t{more} #", 1))"""

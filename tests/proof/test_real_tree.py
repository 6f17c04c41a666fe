"""Random edits of a real CPython 3.13: after each the clean build's header, and nothing compiled twice.

In 3.13 every uop is compiled with all cases around it. So all are stale when what the template expands to is new,
and none is when it is not; a clang of our own expands it here.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.clang import CountedLLVM
from support.scons import Scons, texts
from support.trees import cases_file, opnames

pytestmark = [pytest.mark.build, pytest.mark.slow]

_ENTRY = "trampoline"


@dataclass
class Walk:
    """A tree that is edited and built over and over."""

    tree: Path
    pyconfig: Path
    real: Path
    llvm: CountedLLVM
    folder: Path
    home: Path
    random: random.Random
    flags: str = ""
    # What was compiled with the cache of this walk, and headers of clean builds by the text of all files.
    compiled: set[str] = field(default_factory=set)
    clean: dict[str, dict[str, bytes]] = field(default_factory=dict)
    undo: Callable[[], None] | None = None

    @property
    def out(self) -> Path:
        """The output folder of the incremental builds."""
        return self.folder / "out"

    def _scons(self, out: Path, cache: Path, llvm: Path) -> Scons:
        said = {"cpython": self.tree, "pyconfig": self.pyconfig, "llvm": llvm, "out": out, "cache": cache}
        return Scons(self.home, variables=said)

    def _key(self, source: str) -> str:
        include = self.tree / "Include"
        folders = [self.pyconfig, include, include / "internal", include / "internal" / "mimalloc"]
        process = subprocess.run(
            [
                self.real / "bin" / "clang",
                "-E",
                "-P",
                "-O3",
                "-DNDEBUG",
                "-DPy_BUILD_CORE_MODULE",
                "-D_PyJIT_ACTIVE",
                "-D_Py_JIT",
                *(f"-I{folder}" for folder in [*folders, self.tree / "Python"]),
                *self.flags.split(),
                self.tree / "Tools" / "jit" / source,
            ],
            capture_output=True,
            check=True,
        )
        return hashlib.sha256(process.stdout + self.flags.encode()).hexdigest()

    def _inputs(self) -> str:
        state = hashlib.sha256(self.flags.encode())
        for part in ("Include", "Python/executor_cases.c.h", "Tools/jit"):
            path = self.tree / part
            for file in sorted(path.rglob("*.[ch]")) if path.is_dir() else [path]:
                state.update(f"{file}\0".encode() + file.read_bytes())
        return state.hexdigest()

    def build(self) -> None:
        """Build, and check what came of it."""
        uops = opnames(cases_file(self.tree))
        template, entry = self._key("template.c"), self._key("trampoline.c")
        new: set[str] = set()
        for names, source in ((uops, template), ([_ENTRY], entry)):
            new.update(name for name in names if f"{name} {source}" not in self.compiled)
        self.llvm.forget()
        done = self._scons(self.out, self.folder / "cache", self.llvm.prefix).ok(cflags=self.flags)
        assert self.llvm.compiled() - {"template"} == new
        assert done.counts.compiled == len(new)
        self.compiled.update(f"{name} {entry if name == _ENTRY else template}" for name in new)
        inputs = self._inputs()
        if inputs not in self.clean:
            other = self.folder / "clean"
            shutil.rmtree(other, ignore_errors=True)
            self._scons(other, Path("off"), self.real).ok(cflags=self.flags)
            self.clean[inputs] = texts(other)
        assert texts(self.out) == self.clean[inputs]

    def edit(self) -> str:
        """Make one edit, and say which."""
        if self.undo is not None and self.random.random() < 0.2:
            self.undo()
            self.undo = None
            return "the last edit is undone"
        name = self.random.choices(list(_EDITS), [weight for weight, _ in _EDITS.values()])[0]
        _EDITS[name][1](self)
        return name

    def rewrite(self, path: Path, change: Callable[[str], str]) -> None:
        """Replace a file's text, at times without a new mtime; what it was can be had back."""
        before, stat = path.read_text(encoding="utf-8"), path.stat()
        temporary = path.with_name("~new")

        def write(text: str) -> None:
            temporary.write_text(text, encoding="utf-8")
            if self.random.random() < 0.3:
                os.utime(temporary, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            temporary.replace(path)

        after = change(before)
        assert after != before
        write(after)
        self.undo = lambda: write(before)

    def number(self) -> int:
        """A number that no edit before has had."""
        return self.random.randrange(1 << 60)


def _code_in_a_case(walk: Walk) -> None:
    opname = walk.random.choice(opnames(cases_file(walk.tree)))
    head = f"        case {opname}: {{\n"
    statement = f"            if (tstate == (void *){walk.number()}) {{ return NULL; }}\n"
    walk.rewrite(cases_file(walk.tree), lambda text: text.replace(head, head + statement))


def _comment_in_a_case(walk: Walk) -> None:
    opname = walk.random.choice(opnames(cases_file(walk.tree)))
    head = f"        case {opname}: {{\n"
    walk.rewrite(cases_file(walk.tree), lambda text: text.replace(head, f"{head}            // {walk.number()}\n"))


def _case_gone(walk: Walk) -> None:
    (last,) = re.findall(
        r"^ {8}case \w+: \{\n(?:(?!^ {8}\}).*\n)*^ {8}\}\n(?=\s*#undef TIER_TWO)", _cases(walk), re.M
    )
    walk.rewrite(cases_file(walk.tree), lambda text: text.replace(last, ""))


def _cases(walk: Walk) -> str:
    return cases_file(walk.tree).read_text(encoding="utf-8")


def _append(part: str, text: str) -> Callable[[Walk], None]:
    def edit(walk: Walk) -> None:
        walk.rewrite(walk.tree / part, lambda before: f"{before}{text % walk.number()}\n")

    return edit


def _in_object_h(text: str) -> Callable[[Walk], None]:
    guard = "#define Py_OBJECT_H\n"

    def edit(walk: Walk) -> None:
        added = f"{guard}{text % walk.number()}\n"
        walk.rewrite(walk.tree / "Include" / "object.h", lambda before: before.replace(guard, added))

    return edit


def _touched(walk: Walk) -> None:
    for path in (
        cases_file(walk.tree),
        walk.tree / "Include" / "object.h",
        walk.tree / "Tools" / "jit" / "template.c",
    ):
        path.touch()


def _flags(walk: Walk) -> None:
    walk.flags = walk.random.choice(["", "-DUNSEEN=1"])


def _damage(walk: Walk) -> None:
    path = walk.random.choice(sorted(walk.out.glob("uops/*/fragments/*.h")) + sorted(walk.out.glob("*.h")))
    path.write_text("damaged", encoding="utf-8")


def _manifest_gone(walk: Walk) -> None:
    for path in walk.out.glob("uops/*/manifest.json"):
        path.unlink()


_EDITS: dict[str, tuple[int, Callable[[Walk], None]]] = {
    "code in a case": (5, _code_in_a_case),
    "a comment in a case": (3, _comment_in_a_case),
    "the last case is gone": (1, _case_gone),
    "a comment in object.h": (3, _in_object_h("// %d")),
    "an unused macro in object.h": (2, _in_object_h("#define UNUSED_%d 1")),
    "a declaration in object.h": (3, _in_object_h("extern int unused_%d;")),
    "a comment in the template": (2, _append("Tools/jit/template.c", "// %d")),
    "code in the template": (2, _append("Tools/jit/template.c", "extern int other_%d;")),
    "code in the trampoline": (2, _append("Tools/jit/trampoline.c", "extern int third_%d;")),
    "files touched": (1, _touched),
    "other flags": (2, _flags),
    "the output folder is deleted": (1, lambda walk: shutil.rmtree(walk.out)),
    "a file is damaged": (2, _damage),
    "the manifest is gone": (1, _manifest_gone),
}


def test_random_edits_of_a_real_tree(
    tmp_path: Path, place: Callable[[str], Path], home: Path, proof_seed: int, proof_real_edits: int
) -> None:
    if not proof_real_edits:
        pytest.skip("some twenty seconds an edit: say how many with --proof-real-edits=N")
    real = place("COPYPATCH_LLVM_18")
    original, pyconfig = place("COPYPATCH_TREE_3_13"), place("COPYPATCH_PYCONFIG_3_13")
    tree = tmp_path / "tree"
    for part in ("Include", "Tools/jit"):
        shutil.copytree(original / part, tree / part)
    (tree / "Python").mkdir()
    for path in (original / "Python").glob("*.[ch]"):
        shutil.copyfile(path, tree / "Python" / path.name)
    llvm = CountedLLVM.make(tmp_path / "llvm", real)
    walk = Walk(tree, pyconfig, real, llvm, tmp_path, home, random.Random(proof_seed))
    walk.build()
    made: list[str] = []
    for number in range(1, proof_real_edits + 1):
        made.append(f"{number}: {walk.edit()}")
        try:
            walk.build()
        except AssertionError as error:
            story = "\n  ".join(made)
            pytest.fail(f"--proof-seed={proof_seed}: {error}\nwith cflags={walk.flags}; the edits:\n  {story}")

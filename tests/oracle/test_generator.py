"""Our headers against those of the trees' own generators, which are run live: equal byte for byte.

Nothing here uses the project's code but by running scons. What may differ is line 2 (the command line) and, in
llvm-objdump's `file format` comment, the object's path and the white space around it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from copypatch.files import read_text
from support import trees
from support.headers import check_header
from support.scons import Scons, snapshot

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

TRIPLE = "x86_64-unknown-linux-gnu"


@dataclass(frozen=True)
class Subject:
    """A tree with a generator, how it was configured, and the LLVM it asks for. *form*: "3.13" or "3.14"."""

    form: str
    tree: Path
    pyconfig: Path
    llvm: Path
    debug: bool
    # What the generator takes besides; releases differ.
    options: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        """The name of the header with the stencils."""
        return "jit_stencils.h" if self.form == "3.13" else f"jit_stencils-{TRIPLE}.h"

    def generate(self, folder: Path, *arguments: str) -> None:
        """Run the generator, writing to *folder*."""
        folder.mkdir(parents=True, exist_ok=True)
        tools = folder / "tools"
        tools.mkdir(exist_ok=True)
        for tool in ("clang", "llvm-readobj", "llvm-objdump"):
            if not (tools / tool).exists():
                (tools / tool).symlink_to(self.llvm / "bin" / tool)
        command: list[str | Path] = [sys.executable, self.tree / "Tools" / "jit" / "build.py", *arguments, TRIPLE]
        command += ["--debug"] if self.debug else []
        if self.form == "3.13":
            # It looks for pyconfig.h where it is started, and counts the bytecode in Tools/jit as an input.
            shutil.copyfile(self.pyconfig / "pyconfig.h", folder / "pyconfig.h")
        else:
            command += ["--output-dir", folder, "--pyconfig-dir", self.pyconfig]
        environ = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [*command, *self.options], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def scons(self, home: Path, out: Path) -> Scons:
        """Scons on the same tree."""
        variables = {"cpython": self.tree, "pyconfig": self.pyconfig, "llvm": self.llvm}
        return Scons(home, variables={**variables, "out": out, "debug": str(int(self.debug))})


def comparable(header: Path) -> list[str]:
    """The lines of a header, without what may differ."""
    first, _command, *rest = header.read_text(encoding="utf-8").split("\n")
    return [first, *(re.sub(r"// .*:\s+file format\s+", "// file format ", line) for line in rest)]


def _minitree(folder: Path, form: str, tools: Path) -> Path:
    tree = trees.make(folder / f"minitree-{form}", form)
    trees.add_generator(tree, tools)
    return tree


def _kind(debug: bool) -> str:
    return "_DEBUG" if debug else ""


def _cpython(place: Callable[[str], Path], form: str, debug: bool) -> Subject:
    name = form.replace(".", "_")
    tree = place(f"COPYPATCH_TREE_{name}")
    return Subject(form, tree, place(f"COPYPATCH_PYCONFIG_{name}{_kind(debug)}"), place(trees.LLVM[form]), debug)


def _small(place: Callable[[str], Path], folder: Path, variable: str, debug: bool) -> Subject:
    form = "3.13" if "3_13" in variable else "3.14"
    tree = _minitree(folder, form, place(variable) / "Tools" / "jit")
    # 3.14's later releases ask for a later LLVM than 19, and take another one if they are told.
    text = (tree / "Tools" / "jit" / "build.py").read_text(encoding="utf-8")
    options = ("--llvm-version", "19") if "--llvm-version" in text else ()
    return Subject(form, tree, tree, place(trees.LLVM[form]), debug, options)


@dataclass(frozen=True)
class Compared:
    """A subject, with what the generator wrote and what we did."""

    subject: Subject
    theirs: Path
    ours: Path
    scons: Scons


_SUBJECTS = {
    "3.13": lambda place, folder, debug: _cpython(place, "3.13", debug),
    "3.14": lambda place, folder, debug: _cpython(place, "3.14", debug),
    "minitree, 3.13's generator": lambda place, folder, debug: _small(place, folder, "COPYPATCH_TREE_3_13", debug),
    "minitree, 3.14's generator": lambda place, folder, debug: _small(place, folder, "COPYPATCH_TREE_3_14", debug),
    "minitree, the last 3.14's generator": lambda place, folder, debug: _small(
        place, folder, "COPYPATCH_TOOLS_JIT_3_14", debug
    ),
}


@pytest.fixture(
    scope="module",
    params=[(name, debug) for name in _SUBJECTS for debug in (False, True)],
    ids=lambda param: f"{param[0]}-{'debug' if param[1] else 'release'}",
)
def compared(
    request: pytest.FixtureRequest,
    place: Callable[[str], Path],
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Compared]:
    """Each subject: the generator and we have run once."""
    name, debug = request.param
    folder = tmp_path_factory.mktemp("oracle")
    subject = _SUBJECTS[name](place, folder, debug)
    subject.generate(folder / "theirs", "--force")
    scons = subject.scons(home, folder / "ours")
    scons.ok()
    yield Compared(subject, folder / "theirs", folder / "ours", scons)
    shutil.rmtree(folder)


def test_the_headers_are_equal(compared: Compared) -> None:
    ours = comparable(compared.ours / compared.subject.header)
    theirs = comparable(compared.theirs / compared.subject.header)
    assert ours[0] == theirs[0], "the digest in the first line"
    for number, (one, other) in enumerate(zip(ours[1:], theirs[1:], strict=False), 3):
        assert one == other, f"line {number}"
    assert len(ours) == len(theirs)


def test_the_generators_header_is_read_back(compared: Compared) -> None:
    for folder in (compared.theirs, compared.ours):
        path = folder / compared.subject.header
        check_header(read_text(path), str(path))


def test_the_dispatching_headers_are_equal(compared: Compared) -> None:
    if compared.subject.form == "3.13":
        pytest.skip("3.13 has one header only")
    ours, theirs = (
        (folder / "jit_stencils.h").read_text(encoding="utf-8") for folder in (compared.ours, compared.theirs)
    )
    assert ours.split("\n")[1:] == theirs.split("\n")[1:]


def test_no_path_is_in_our_header(compared: Compared) -> None:
    text = (compared.ours / compared.subject.header).read_text(encoding="utf-8")
    assert str(compared.ours) not in text
    places = re.findall(r"^    // (.*):\s+file format", text, re.MULTILINE)
    assert {"shim.o", "trampoline.o"} & set(places)
    assert not [place for place in places if "/" in place]
    command = text.split("\n")[1]
    assert command.startswith("// $ scons target=")
    assert "/" not in command.removeprefix("// ")


def test_the_generator_takes_our_header_for_fresh(compared: Compared) -> None:
    folder = compared.ours.with_name("handed-over")
    folder.mkdir()
    shutil.copy2(compared.ours / compared.subject.header, folder)
    before = snapshot(folder, compared.subject.header)
    # Without clang: a generator that wanted to build would fail.
    subject = compared.subject
    idle = Subject(subject.form, subject.tree, subject.pyconfig, folder / "none", subject.debug, subject.options)
    idle.generate(folder)
    assert snapshot(folder, compared.subject.header) == before


def test_verify(compared: Compared) -> None:
    if compared.subject.options or "minitree" not in str(compared.subject.tree):
        pytest.skip("the generator was run on this tree once: verify would run it again")
    done = compared.scons.ok("verify")
    assert f"{compared.subject.header}: identical to what the tree's own generator writes" in done.output.replace(
        ", jit_stencils.h", ""
    )


def test_verify_names_the_first_difference(compared: Compared) -> None:
    if compared.subject.options or "minitree" not in str(compared.subject.tree):
        pytest.skip("one small tree of each form will do")
    generator = compared.subject.tree / "Tools" / "jit" / "_writer.py"
    text = generator.read_text(encoding="utf-8")
    generator.write_text(text.replace("void", "int", 1), encoding="utf-8")
    try:
        # Else the edited file would be run.
        done = compared.scons("verify", engine="native")
    finally:
        generator.write_text(text, encoding="utf-8")
    assert done.status != 0
    assert not done.has_traceback
    assert "differs from the generator's in " in done.output
    assert "line " in done.output
    compared.scons.ok()

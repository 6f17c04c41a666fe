"""The precompiled include block changes no byte of any stencil, whatever way a uop is compiled.

Every object of a build is compared with what the driver makes of the whole template, the way CPython's generator
calls it: no precompiled header, no shard, no `#line`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support import trees
from support.scons import Scons

pytestmark = pytest.mark.build

_FLAGS = [
    "-O3",
    "-c",
    "-fno-asynchronous-unwind-tables",
    "-fno-builtin",
    "-fno-plt",
    "-fno-stack-protector",
    "-std=c11",
]
_MEDIUM = ["-fno-pic", "-mcmodel=medium", "-mlarge-data-threshold=0"]
_CPYTHON = ["-DPy_BUILD_CORE_MODULE", "-D_PyJIT_ACTIVE", "-D_Py_JIT"]


def _includes(tree: Path, *pyconfig: Path) -> list[str]:
    include = tree / "Include"
    folders = [*pyconfig, include, include / "internal", include / "internal" / "mimalloc", tree / "Python"]
    return [f"-I{folder}" for folder in [*folders, tree / "Tools" / "jit"]]


def _run(command: Sequence[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Sources:
    """What a plain compile needs: the compiler's command without the uop's own part, and the two files."""

    command: Sequence[str | Path]
    template: Path
    cases: Path


def _plain(sources: Sources, opname: str, folder: Path) -> Path:
    """Compile a uop of a template with CASE in it, as 3.14's generator does."""
    text = sources.cases.read_text(encoding="utf-8")
    found = re.search(rf"^ {{8}}(case {opname}: \{{\n.*?\n {{8}}\}})", text, re.DOTALL | re.MULTILINE)
    assert found
    source = folder / f"{opname}.c"
    source.write_text(sources.template.read_text(encoding="utf-8").replace("CASE", found[1]), encoding="utf-8")
    output = folder / f"{opname}.o"
    own = [f"-D_JIT_OPCODE={opname}", f"-ffile-prefix-map={folder}=."]
    _run([*sources.command, *own, "-o", output, source], folder)
    return output


def _plain_3_13(sources: Sources, opname: str, folder: Path) -> Path:
    """Compile a uop as 3.13's generator does: over LLVM IR, into which the calling convention is put."""
    command = [*sources.command, f"-D_JIT_OPCODE={opname}"]
    between, output = folder / f"{opname}.ll", folder / f"{opname}.o"
    _run([*command, "-S", "-emit-llvm", "-fomit-frame-pointer", "-o", between, sources.template], folder)
    text = between.read_text(encoding="utf-8")
    text = re.sub(r"(((noalias|nonnull|noundef) )*ptr @_JIT_\w+\()", r"ghccc \1", text)
    text = text.replace("musttail call", "musttail call ghccc").replace("ghccc ghccc", "ghccc")
    between.write_text(text, encoding="utf-8")
    _run([*command, "-Wno-unused-command-line-argument", "-o", output, between], folder)
    return output


def _content(readobj: Path, path: Path) -> list[tuple[Any, ...]]:
    """What an object has: for each loaded section its bytes, symbols and relocations."""
    arguments = ["--sections", "--section-data", "--section-relocations", "--section-symbols", "--expand-relocs"]
    out = _run([readobj, "--elf-output-style=JSON", *arguments, path], path.parent)
    sections = [wrapped["Section"] for wrapped in json.loads(out)[0]["Sections"]]
    found = []
    for section in sections:
        if section["Type"]["Name"] in ("SHT_PROGBITS", "SHT_RELA", "SHT_NOBITS"):
            relocations = [wrapped["Relocation"] for wrapped in section.get("Relocations", [])]
            places = [(r["Offset"], r["Type"]["Name"], r["Symbol"]["Name"], r["Addend"]) for r in relocations]
            symbols = [(w["Symbol"]["Name"]["Name"], w["Symbol"]["Value"]) for w in section.get("Symbols", [])]
            data = bytes(section.get("SectionData", {}).get("Bytes", []))
            # A relocation section's bytes hold indices into the table of symbols, whose order is free.
            content = b"" if section["Type"]["Name"] == "SHT_RELA" else data
            if "comment" not in section["Name"]["Name"]:
                found.append((section["Name"]["Name"], content, tuple(places), tuple(symbols)))
    assert found
    return found


def _differing(
    scons: Scons, llvm: Path, opnames: Sequence[str], plain: Callable[[str, Path], Path], folder: Path
) -> list[str]:
    """Build with scons, compile uops plainly, and return those whose objects differ."""
    scons.ok()
    (plan,) = Path(scons.variables["out"]).glob("uops/*-*")
    readobj = llvm / "bin" / "llvm-readobj"
    return [
        opname
        for opname in opnames
        if _content(readobj, plain(opname, folder)) != _content(readobj, plan / "obj" / f"{opname}.o")
    ]


@dataclass(frozen=True)
class Way:
    """One way to build: for which kind of Python, and in shards or not."""

    debug: bool
    shards: str = "auto"

    @property
    def variables(self) -> dict[str, str | Path]:
        return {"debug": str(int(self.debug)), "shards": self.shards}

    @property
    def macro(self) -> str:
        return "-D_DEBUG" if self.debug else "-DNDEBUG"


_KINDS = [pytest.param(Way(False), id="release"), pytest.param(Way(True), id="debug")]
_WAYS = [
    *_KINDS,
    pytest.param(Way(False, "off"), id="release, alone"),
    pytest.param(Way(True, "off"), id="debug, alone"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the plain objects go."""
    path = tmp_path / "plain"
    path.mkdir()
    return path


@pytest.mark.parametrize("way", _WAYS)
def test_the_embedded_templates(scons: Scons, llvm_19: Path, folder: Path, way: Way) -> None:
    templates = trees.ROOT / "uop_templates"
    flags = ["--target=x86_64-unknown-linux-gnu", way.macro, f"-I{templates}", f"-ffile-prefix-map={templates}=."]
    command: list[str | Path] = [llvm_19 / "bin" / "clang", *flags, *_FLAGS, "-fno-jump-tables", *_MEDIUM]
    sources = Sources(command, templates / "template.c", templates / "executor_cases.c.h")
    build = Scons(scons.home, variables={**scons.variables, **way.variables})
    # Every second one, the other half when compiled alone.
    opnames = trees.opnames(sources.cases)[way.shards == "off" :: 2]
    assert not _differing(build, llvm_19, opnames, partial(_plain, sources), folder)


def _cpython_3_14(llvm: Path, tree: Path, pyconfig: Path, way: Way) -> Sources:
    flags = ["--target=x86_64-unknown-linux-gnu", *_CPYTHON, way.macro, *_includes(tree, pyconfig)]
    command: list[str | Path] = [llvm / "bin" / "clang", *flags, f"-ffile-prefix-map={tree}=.", *_FLAGS, *_MEDIUM]
    return Sources(command, tree / "Tools" / "jit" / "template.c", trees.cases_file(tree))


@pytest.mark.parametrize("way", _WAYS)
def test_minitree(scons: Scons, tree: Path, llvm_19: Path, folder: Path, way: Way) -> None:
    sources = _cpython_3_14(llvm_19, tree, tree, way)
    build = Scons(scons.home, variables={**scons.variables, **way.variables, "cpython": tree})
    assert not _differing(build, llvm_19, trees.opnames(sources.cases), partial(_plain, sources), folder)


@pytest.mark.parametrize("way", _KINDS)
def test_minitree_in_3_13_form(
    bare_scons: Scons, minitree: Callable[[str], Path], llvm_18: Path, folder: Path, way: Way
) -> None:
    tree = minitree("3.13")
    flags = ["--target=x86_64-unknown-linux-gnu", *_CPYTHON, way.macro, *_includes(tree, tree)[:-1], *_FLAGS]
    command: list[str | Path] = [llvm_18 / "bin" / "clang", *flags, "-fpic"]
    sources = Sources(command, tree / "Tools" / "jit" / "template.c", trees.cases_file(tree))
    variables = {**bare_scons.variables, **way.variables, "cpython": tree, "llvm": llvm_18}
    build = Scons(bare_scons.home, variables=variables)
    assert not _differing(build, llvm_18, trees.opnames(sources.cases), partial(_plain_3_13, sources), folder)


@pytest.mark.slow
@pytest.mark.parametrize("way", _KINDS)
def test_cpython_3_14(scons: Scons, llvm_19: Path, place: Callable[[str], Path], folder: Path, way: Way) -> None:
    tree = place("COPYPATCH_TREE_3_14")
    pyconfig = place("COPYPATCH_PYCONFIG_3_14" + ("_DEBUG" if way.debug else ""))
    sources = _cpython_3_14(llvm_19, tree, pyconfig, way)
    variables = {**scons.variables, **way.variables, "cpython": tree, "pyconfig": pyconfig}
    # A sample, as a plain compile takes 0.15 s. The oracle tests compare all of them.
    opnames = trees.opnames(sources.cases)[::24]
    build = Scons(scons.home, variables=variables)
    assert not _differing(build, llvm_19, opnames, partial(_plain, sources), folder)

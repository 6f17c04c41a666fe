"""The precompiled include block changes no byte of any stencil, whatever way a uop is compiled.

Every object of a build is compared with what the driver makes of the whole template, the way CPython's generator
calls it: no precompiled header, no shard, no `#line`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
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


def _plain(clang: Path, flags: Sequence[str], template: Path, cases: Path, opname: str, folder: Path) -> Path:
    """Compile a uop of a template with CASE in it, as 3.14's generator does."""
    text = cases.read_text(encoding="utf-8")
    found = re.search(rf"^ {{8}}(case {opname}: \{{\n.*?\n {{8}}\}})", text, re.DOTALL | re.MULTILINE)
    assert found
    source = folder / f"{opname}.c"
    source.write_text(template.read_text(encoding="utf-8").replace("CASE", found[1]), encoding="utf-8")
    output = folder / f"{opname}.o"
    _run([clang, f"-D_JIT_OPCODE={opname}", *flags, f"-ffile-prefix-map={folder}=.", "-o", output, source], folder)
    return output


def _plain_3_13(clang: Path, flags: Sequence[str], template: Path, opname: str, folder: Path) -> Path:
    """Compile a uop as 3.13's generator does: over LLVM IR, into which the calling convention is put."""
    flags = [*flags, f"-D_JIT_OPCODE={opname}"]
    between, output = folder / f"{opname}.ll", folder / f"{opname}.o"
    _run([clang, *flags, "-S", "-emit-llvm", "-fomit-frame-pointer", "-o", between, template], folder)
    text = between.read_text(encoding="utf-8")
    text = re.sub(r"(((noalias|nonnull|noundef) )*ptr @_JIT_\w+\()", r"ghccc \1", text)
    text = text.replace("musttail call", "musttail call ghccc").replace("ghccc ghccc", "ghccc")
    between.write_text(text, encoding="utf-8")
    _run([clang, *flags, "-Wno-unused-command-line-argument", "-o", output, between], folder)
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


@pytest.fixture
def differing(tmp_path: Path) -> Callable[..., list[str]]:
    """Build with scons, compile uops plainly, and return those whose objects differ."""

    def compare(scons: Scons, llvm: Path, opnames: Sequence[str], plain: Callable[[str, Path], Path]) -> list[str]:
        scons.ok()
        (plan,) = Path(scons.variables["out"]).glob("uops/*-*")
        folder = tmp_path / "plain"
        folder.mkdir()
        readobj = llvm / "bin" / "llvm-readobj"
        return [
            opname
            for opname in opnames
            if _content(readobj, plain(opname, folder)) != _content(readobj, plan / "obj" / f"{opname}.o")
        ]

    return compare


@pytest.mark.parametrize("debug", [False, True], ids=["release", "debug"])
@pytest.mark.parametrize("shards", ["auto", "off"])
def test_the_embedded_templates(
    scons: Scons, llvm_19: Path, differing: Callable[..., list[str]], debug: bool, shards: str
) -> None:
    folder = trees.ROOT / "uop_templates"
    cases, template = folder / "executor_cases.c.h", folder / "template.c"
    macro = "-D_DEBUG" if debug else "-DNDEBUG"
    flags = ["--target=x86_64-unknown-linux-gnu", macro, f"-I{folder}", f"-ffile-prefix-map={folder}=."]
    flags += [*_FLAGS, "-fno-jump-tables", *_MEDIUM]
    # Every second one, another half each time.
    opnames = trees.opnames(cases)[debug ^ (shards == "off") :: 2]
    build = Scons(scons.home, variables={**scons.variables, "debug": str(int(debug)), "shards": shards})
    clang = llvm_19 / "bin" / "clang"
    assert not differing(
        build, llvm_19, opnames, lambda opname, to: _plain(clang, flags, template, cases, opname, to)
    )


def _cpython_3_14(tree: Path, pyconfig: Path, debug: bool) -> list[str]:
    macro = "-D_DEBUG" if debug else "-DNDEBUG"
    return [
        "--target=x86_64-unknown-linux-gnu",
        *_CPYTHON,
        macro,
        *_includes(tree, pyconfig),
        f"-ffile-prefix-map={tree}=.",
        *_FLAGS,
        *_MEDIUM,
    ]


@pytest.mark.parametrize("debug", [False, True], ids=["release", "debug"])
@pytest.mark.parametrize("shards", ["auto", "off"])
def test_minitree(
    home: Path, tree: Path, out: Path, llvm_19: Path, differing: Callable[..., list[str]], debug: bool, shards: str
) -> None:
    flags = _cpython_3_14(tree, tree, debug)
    variables = {"out": out, "cpython": tree, "llvm": llvm_19, "debug": str(int(debug)), "shards": shards}
    cases, template, clang = (
        trees.cases_file(tree),
        tree / "Tools" / "jit" / "template.c",
        llvm_19 / "bin" / "clang",
    )
    assert not differing(
        Scons(home, variables=variables),
        llvm_19,
        trees.opnames(cases),
        lambda opname, to: _plain(clang, flags, template, cases, opname, to),
    )


@pytest.mark.parametrize("debug", [False, True], ids=["release", "debug"])
def test_minitree_in_3_13_form(
    home: Path,
    minitree: Callable[[str], Path],
    out: Path,
    llvm_18: Path,
    differing: Callable[..., list[str]],
    debug: bool,
) -> None:
    tree = minitree("3.13")
    macro = "-D_DEBUG" if debug else "-DNDEBUG"
    flags = ["--target=x86_64-unknown-linux-gnu", *_CPYTHON, macro, *_includes(tree, tree)[:-1], *_FLAGS, "-fpic"]
    template, clang = tree / "Tools" / "jit" / "template.c", llvm_18 / "bin" / "clang"
    assert not differing(
        Scons(home, variables={"out": out, "cpython": tree, "llvm": llvm_18, "debug": str(int(debug))}),
        llvm_18,
        trees.opnames(trees.cases_file(tree)),
        lambda opname, to: _plain_3_13(clang, flags, template, opname, to),
    )


@pytest.mark.slow
@pytest.mark.parametrize("debug", [False, True], ids=["release", "debug"])
def test_cpython_3_14(
    home: Path,
    out: Path,
    llvm_19: Path,
    place: Callable[[str], Path],
    differing: Callable[..., list[str]],
    debug: bool,
) -> None:
    tree = place("COPYPATCH_TREE_3_14")
    pyconfig = place("COPYPATCH_PYCONFIG_3_14" + ("_DEBUG" if debug else ""))
    flags = _cpython_3_14(tree, pyconfig, debug)
    variables = {"out": out, "cpython": tree, "pyconfig": pyconfig, "llvm": llvm_19, "debug": str(int(debug))}
    cases, template, clang = (
        trees.cases_file(tree),
        tree / "Tools" / "jit" / "template.c",
        llvm_19 / "bin" / "clang",
    )
    assert not differing(
        Scons(home, variables=variables),
        llvm_19,
        # A sample: a plain compile takes 0.15 s. The oracle tests compare all of them.
        trees.opnames(cases)[::12],
        lambda opname, to: _plain(clang, flags, template, cases, opname, to),
    )

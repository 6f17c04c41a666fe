"""Source trees: telling what kind of tree it is, and where its templates are.

The dialect follows from what the tree holds (its patchlevel.h, its template, the patch functions that its
Python/jit.c defines), never from a version number alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from copypatch import tree_engine
from copypatch.dialects import (
    Dialect,
    Sources,
    cpython_3_13,
    cpython_3_14,
    cpython_3_15,
    defines_function,
    embedded,
    with_own_code,
)
from copypatch.dialects.cpython import LAYOUT, digest_style, llvm_version
from copypatch.engine import Engine, choose
from copypatch.errors import OptionError, TreeError
from copypatch.files import read_text


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree whose dialect is known. *version* is CPython's, or "embedded", or another VM's name.

    *note* says of the dialect what the user may not expect, and is to be told when something is made by it.
    """

    version: str
    sources: Sources
    dialect: Dialect
    note: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"CPython {self.version}" if self.sources.pyconfig is not None else self.version


def embedded_tree(root: Path) -> Tree:
    """Return the tree of the embedded templates in folder *root*. Raises TreeError when a file is missing."""
    return own_tree(embedded.NAME, root, embedded.dialect())


def own_tree(
    version: str,
    root: Path,
    dialect: Dialect,
    *,
    cases: str = "executor_cases.c.h",
    template: str = "template.c",
    entry: str = "shim.c",
) -> Tree:
    """Return the tree of a VM's own templates: three files in folder *root*, and its own dialect.

    *version* names its folder under build/. Raises TreeError when a file is missing.
    """
    root = root.resolve()
    sources = Sources(root, root / cases, root / template, root / entry)
    dialect = with_own_code(dialect)
    for path in (sources.cases, sources.template, sources.entry):
        if not path.is_file():
            raise TreeError(f"{root}: no {path.name} there, so these are no uop templates")
    for path in dialect.code:
        if not path.is_file():
            raise TreeError(f"{path}: not found, and the dialect {dialect.name} was defined there")
    return Tree(version, sources, dialect)


def cpython_tree(root: Path, pyconfig: Path | None, engine: Engine = Engine.AUTO) -> Tree:
    """Return the CPython tree at *root*; *pyconfig* is the folder of pyconfig.h (default: the tree itself).

    Raises TreeError for what is no CPython, has no JIT, is of no known dialect or none for *engine*, OptionError
    for a missing pyconfig.h.
    """
    root = root.resolve()
    version = _version(root)
    tools = root / "Tools" / "jit"
    template, cases = tools / "template.c", root / "Python" / "executor_cases.c.h"
    if not (tools / "build.py").is_file():
        raise TreeError(
            f"cpython={root}: CPython {version} without Tools/jit/build.py, so it has no JIT; "
            "the JIT came with 3.13, and Debian's binary packages leave it out"
        )
    for path in (template, cases):
        if not path.is_file():
            raise TreeError(
                f"cpython={root}: CPython {version} without {path.relative_to(root)}; is the tree whole?"
            )
    text = read_text(template)
    style = digest_style(_read(tools / "_targets.py"))
    llvm = llvm_version(_read(tools / "_llvm.py"))
    pyconfig = _pyconfig(root, pyconfig)
    if (tools / "trampoline.c").is_file() and '#include "executor_cases.c.h"' in text:
        paired = defines_function(_read(root / "Python" / "jit.c"), "patch_aarch64_33rx")
        sources = Sources(root, cases, template, tools / "trampoline.c", pyconfig)
        chosen = choose(engine, cpython_3_13.NAME, LAYOUT, tools)
        dialect = cpython_3_13.dialect(paired=paired, digest_style=style, passes=chosen.passes)
        return Tree(version, sources, dialect, chosen.note)
    if (tools / "shim.c").is_file() and "PATCH_JUMP" in text:
        sources = Sources(root, cases, template, tools / "shim.c", pyconfig)
        if not (tools / "_optimizers.py").is_file():
            chosen = choose(engine, cpython_3_14.NAME, LAYOUT, tools)
            dialect = cpython_3_14.dialect(digest_style=style, llvm=llvm or 19, passes=chosen.passes)
            return Tree(version, sources, dialect, chosen.note)
        if not tree_engine.lacking(tools, cpython_3_15.LAYOUT):
            chosen = choose(engine, cpython_3_15.NAME, cpython_3_15.LAYOUT, tools)
            dialect = cpython_3_15.dialect(digest_style=style, llvm=llvm or 21, passes=chosen.passes)
            return Tree(version, sources, dialect, chosen.note)
    raise TreeError(
        f"cpython={root}: CPython {version} has a JIT of a dialect that copypatch does not know; "
        "it knows those of 3.13, 3.14 and 3.15"
    )


_DEFINE = re.compile(r"^#define PY_(MAJOR|MINOR|MICRO)_VERSION\s+(\d+)", re.MULTILINE)


def _version(root: Path) -> str:
    if not root.is_dir():
        raise TreeError(f"cpython={root}: no such folder")
    numbers = dict(_DEFINE.findall(_read(root / "Include" / "patchlevel.h")))
    if numbers.keys() != {"MAJOR", "MINOR", "MICRO"}:
        raise TreeError(
            f"cpython={root}: not a CPython source tree (no version in Include/patchlevel.h); "
            "give the folder that holds Include/, Python/ and Tools/"
        )
    return f"{numbers['MAJOR']}.{numbers['MINOR']}.{numbers['MICRO']}"


def _pyconfig(root: Path, pyconfig: Path | None) -> Path:
    folder = (pyconfig or root).resolve()
    if not (folder / "pyconfig.h").is_file():
        raise OptionError(
            f"pyconfig={folder}: no pyconfig.h there; run ./configure --enable-experimental-jit "
            "and give the folder in which it ran with pyconfig=DIR"
        )
    return folder


def _read(path: Path) -> str:
    return read_text(path) if path.is_file() else ""

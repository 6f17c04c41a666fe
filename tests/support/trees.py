"""Small trees to build, and edits of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_MINITREE = Path(__file__).parent / "minitree"

# What each form of minitree is built with, as CPython's releases ask for it.
LLVM = {"3.13": "COPYPATCH_LLVM_18", "3.14": "COPYPATCH_LLVM_19", "3.15": "COPYPATCH_LLVM_ALL"}
ENTRY = {"3.13": "trampoline", "3.14": "shim", "3.15": "shim"}


def make(folder: Path, form: str) -> Path:
    """Lay out minitree in the form of a release ("3.13", "3.14" or "3.15") in *folder*, and return it."""
    for part in ("common", form):
        shutil.copytree(_MINITREE / part, folder, dirs_exist_ok=True)
    # Kept under another name, so that no linter takes these stand-ins for code.
    for path in sorted(folder.rglob("*.py.in")):
        path.rename(path.with_suffix(""))
    return folder


def add_generator(tree: Path, tools: Path) -> None:
    """Put the Python files of a real Tools/jit in beside minitree's template."""
    for path in tools.glob("*.py"):
        shutil.copyfile(path, tree / "Tools" / "jit" / path.name)


def copy_project(folder: Path) -> Path:
    """Copy what `scons` needs of this project, for tests that edit the embedded templates or the tool itself."""
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("site_scons", "uop_templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    shutil.copyfile(ROOT / "SConstruct", folder / "SConstruct")
    return folder


def cases_file(tree: Path) -> Path:
    """The executor_cases.c.h of a CPython tree."""
    return tree / "Python" / "executor_cases.c.h"


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one place where *old* stands in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_case(tree: Path, opname: str, body: str) -> int:
    """Add a uop (see pycore_uop_ids.h for names without a case); return the line its body begins at."""
    path = cases_file(tree)
    head = path.read_text(encoding="utf-8").removesuffix("#undef TIER_TWO\n")
    path.write_text(f"{head}        case {opname}: {{\n{body}\n        }}\n\n#undef TIER_TWO\n", encoding="utf-8")
    return head.count("\n") + 2


def line_of(path: Path, text: str) -> int:
    """The number of the one line in which *text* stands."""
    lines = path.read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


def opnames(cases: Path) -> list[str]:
    """The uops of a cases file, found without any code of ours."""
    return re.findall(r"^ {8}case (\w+): \{$", cases.read_text(encoding="utf-8"), re.MULTILINE)

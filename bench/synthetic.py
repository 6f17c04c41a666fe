"""A large set of uops: the embedded templates' cases over and over, renamed, in a copy of this project."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bench.contenders import PROJECT

_CASE = re.compile(r"^ {8}case (\w+): \{\n.*?^ {8}\}\n", re.MULTILINE | re.DOTALL)
_LAST_ID = re.compile(r"^    X\(\w+, \w+\)\n\n", re.MULTILINE)


def make_project(folder: Path, uops: int) -> Path:
    """Copy what `scons` needs of this project, with *uops* uops (the shim not counted); return their file."""
    for name in ("site_scons", "uop_templates"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(PROJECT / "SConstruct", folder / "SConstruct")
    cases = folder / "uop_templates" / "executor_cases.c.h"
    text = cases.read_text(encoding="utf-8")
    originals = list(_CASE.finditer(text))
    names = []
    copies = []
    for number in range(uops - len(originals)):
        case = originals[number % len(originals)]
        names.append(f"{case[1]}_{number // len(originals)}")
        copies.append(case[0].replace(f"case {case[1]}:", f"case {names[-1]}:", 1))
    cases.write_text("\n".join([text, *copies]), encoding="utf-8")
    ids = folder / "uop_templates" / "uop_ids.h"
    listed = ids.read_text(encoding="utf-8")
    (last,) = _LAST_ID.finditer(listed)
    more = " \\\n".join([last[0].rstrip(), *(f"    X({name}, NONE)" for name in names)])
    ids.write_text(f"{listed[: last.start()]}{more}\n\n{listed[last.end() :]}", encoding="utf-8")
    return cases

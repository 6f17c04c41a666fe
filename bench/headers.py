"""Checks that what was timed was right: what we deliver is the generator's.

Two places differ by nature: the second line, which is the command line, and llvm-objdump's ``file format``
comment, which begins with the object's path.
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.processes import BenchError

_FILE_FORMAT = re.compile(r"^    // .*:\s+file format .*$")


def comparable(path: Path) -> list[str]:
    """Return the lines of a header that must be equal. Raises OSError."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [_FILE_FORMAT.sub("", line) for line in lines if not line.startswith("// $ ")]


def check_equal(ours: Path, theirs: Path) -> None:
    """Compare all files that two builds delivered. Raises BenchError for the first difference."""
    names = sorted(path.name for path in theirs.glob("jit_*"))
    if not names or names != sorted(path.name for path in ours.glob("jit_*")):
        raise BenchError(f"not the same files: the generator wrote {', '.join(names) or 'none'}")
    for name in names:
        if name.endswith(".o"):
            if (ours / name).read_bytes() != (theirs / name).read_bytes():
                raise BenchError(f"{name} differs from the generator's")
            continue
        left, right = comparable(ours / name), comparable(theirs / name)
        if left != right:
            number = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
            raise BenchError(f"{name} differs from the generator's, first near line {number + 2}")


def check_emits(out: Path, uops: int) -> None:
    """Check that the headers of *out* hold an emit function for each of *uops* groups. Raises BenchError."""
    (header,) = out.glob("jit_stencils-*.h")
    found = len(re.findall(r"^emit_\w+\($", header.read_text(encoding="utf-8"), re.MULTILINE))
    if found != uops:
        raise BenchError(f"the header has {found} emit functions, not {uops}")

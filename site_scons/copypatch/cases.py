"""The case splitter: from executor_cases.c.h to one case per uop.

The shape is the one that CPython's cases generator writes and its stencil generator looks for: ``case NAME: {``
and the closing brace, both indented by eight spaces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from copypatch.errors import CasesError

if TYPE_CHECKING:
    from pathlib import Path

_OPEN = re.compile(r"^ {8}case (\w+): \{$", re.MULTILINE)
_CLOSE = re.compile(r"\n {8}\}")
_LOOKS_LIKE_CASE = re.compile(r"^[ \t]*case\s+(\w+)\s*:", re.MULTILINE)


class Case(NamedTuple):
    """One uop: its name, its text from ``case`` to the closing brace, and the line it starts at (from 1)."""

    opname: str
    text: str
    line: int


def split(text: str, path: Path) -> tuple[Case, ...]:
    """Return the cases of a cases file in the order of the file.

    *path* is what messages call it. Raises CasesError when there is no case, one stands twice or never ends.
    """
    cases: list[Case] = []
    seen: dict[str, int] = {}
    starts = list(_OPEN.finditer(text))
    for index, start in enumerate(starts):
        opname = start[1]
        line = (
            text.count("\n", 0, start.start()) + 1
            if not cases
            else cases[-1].line + text.count("\n", starts[index - 1].start(), start.start())
        )
        end = _CLOSE.search(text, start.end())
        limit = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        if end is None or end.start() >= limit:
            raise CasesError(
                f"{path}:{line}: the case of {opname} never ends; "
                "its closing brace must stand on a line of its own, indented by eight spaces"
            )
        if opname in seen:
            raise CasesError(f"{path}:{line}: a second case of {opname}; the first is at line {seen[opname]}")
        seen[opname] = line
        cases.append(Case(opname, text[start.start() + 8 : end.end()], line))
    if not cases:
        other = _LOOKS_LIKE_CASE.search(text)
        hint = f" ({other[0].strip()!r} is not indented by eight spaces or has no brace)" if other else ""
        raise CasesError(f"{path}: no uop case in it{hint}; a case is '        case NAME: {{' up to '        }}'")
    return tuple(cases)

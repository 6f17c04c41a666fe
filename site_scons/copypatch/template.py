"""The C template: its include block, which every uop shares, and the rest, which takes one case.

The include block is compiled once, as a precompiled header. In a uop's source it is replaced by as many empty
lines: ``__LINE__`` is in the asserts of a debug build, so no line may move.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from copypatch.errors import TemplateError

if TYPE_CHECKING:
    from pathlib import Path

    from copypatch.cases import Case

# The macro that names the uop, by which a template can tell one from another.
OPCODE_MACRO = "_JIT_OPCODE"
PLACEHOLDER = "CASE"


class Template(NamedTuple):
    """A template cut in two. *prefix_lines* is the number of lines of *prefix*, the include block."""

    path: Path
    prefix: str
    prefix_lines: int
    rest: str


class UopSource(NamedTuple):
    """The C text of one uop.

    *locate* maps a line that the compiler reports for the uop's own file to the file and line where the user
    wrote it; None where ``#line`` has told the compiler already.
    """

    text: str
    locate: Callable[[int], tuple[Path, int]] | None


# What may stand in the include block: blank lines, comments, and includes.
_COMMENT = re.compile(r"[ \t]*(?://[^\n]*|/\*.*?\*/[ \t]*)?(?=\n)", re.DOTALL)
_INCLUDE = re.compile(r"[ \t]*#[ \t]*include[ \t]*[\"<][^\n\">]+[\">][^\n]*(?=\n)")


def split(text: str, path: Path) -> Template:
    """Cut a template behind the last line of its leading include block."""
    position = end = 0
    while position < len(text):
        include = _INCLUDE.match(text, position)
        match = include or _COMMENT.match(text, position)
        # The placeholder is replaced wherever it stands; in a shared prefix that could not be.
        if match is None or PLACEHOLDER in match[0]:
            break
        position = match.end() + 1
        if include:
            end = position
    return Template(path, text[:end], text.count("\n", 0, end), text[end:])


def quote(text: str) -> str:
    """Return *text* as a C string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def file_name(opname: str) -> str:
    """Return the name by which the compiler gets a uop's source, which ``__FILE__`` shows."""
    return f"./{opname}.c"


def insert_case(template: Template, case: Case, cases: Path) -> UopSource:
    """Put the case where the template says CASE (3.14 and later).

    *cases* is the file that the case is from. Raises TemplateError without a CASE.
    """
    before, found, _ = template.rest.partition(PLACEHOLDER)
    if not found:
        raise TemplateError(
            f"{template.path}: no {PLACEHOLDER} in it; the template needs the word {PLACEHOLDER} "
            "where the uop's case goes, inside the switch"
        )
    first = template.prefix_lines + before.count("\n") + 1
    extra = case.text.count("\n")

    def locate(line: int) -> tuple[Path, int]:
        if line < first:
            return template.path, line
        if line <= first + extra:
            return cases, case.line + line - first
        return template.path, line - extra

    text = "\n" * template.prefix_lines + template.rest.replace(PLACEHOLDER, case.text)
    return UopSource(_named(case.opname, file_name(case.opname), text), locate)


_CASES_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"executor_cases\.c\.h"', re.MULTILINE)


def include_cases(template: Template, case: Case, cases: Path) -> UopSource:
    """Leave it to the template to include the whole cases file (3.13); *case* gives the name alone.

    The dead code of the other cases is optimised away, but not without a trace: it counts when strings are
    numbered and calls inlined. So it has to be there. Raises TemplateError when the template does not include
    the file.
    """
    if not _CASES_INCLUDE.search(template.rest):
        raise TemplateError(f'{template.path}: no #include "{cases.name}" in it, where the uops\' cases go')
    text = "\n" * template.prefix_lines + template.rest
    return UopSource(_named(case.opname, str(template.path), text), None)


def _named(opname: str, name: str, text: str) -> str:
    # The precompiled header was made with another value of the macro, see prefix.py.
    return f"#undef {OPCODE_MACRO}\n#define {OPCODE_MACRO} {opname}\n#line 1 {quote(name)}\n{text}"

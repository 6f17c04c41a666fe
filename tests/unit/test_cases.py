"""The case splitter."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch.cases import split
from copypatch.errors import CasesError

FILE = Path("Python/executor_cases.c.h")
TWO = """\
// generated

        case _NOP: {
            break;
        }

        /* _OTHER is not viable */

        case _POP: {
            if (x) {
                y();
        \t}
            break;
        }
"""


def test_cases_come_in_order_with_their_text_and_line() -> None:
    nop, pop = split(TWO, FILE)
    assert (nop.opname, nop.line, nop.text) == ("_NOP", 3, "case _NOP: {\n            break;\n        }")
    assert (pop.opname, pop.line) == ("_POP", 9)
    assert pop.text.startswith("case _POP: {\n            if (x) {\n")
    lines = TWO.splitlines()
    for case in (nop, pop):
        assert lines[case.line - 1].strip() == f"case {case.opname}: {{"


def test_a_switch_inside_a_case_belongs_to_it() -> None:
    inner = "            switch (x) {\n            case 1: {\n            }\n            }\n"
    (case,) = split(f"        case _A: {{\n{inner}        }}\n", FILE)
    assert case.text.count("\n") == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", r"executor_cases\.c\.h: no uop case in it; a case is '        case NAME: \{' up to '        \}'"),
        ("    case _A: {\n    }\n", r"no uop case in it \('case _A:' is not indented by eight spaces"),
        (TWO + "        case _NOP: {\n        }\n", r"c\.h:15: a second case of _NOP; the first is at line 3"),
        ("\n        case _A: {\n            x();\n", r"c\.h:2: the case of _A never ends; its closing brace must"),
        ("        case _A: {\n        case _B: {\n        }\n", r"c\.h:1: the case of _A never ends"),
    ],
)
def test_bad_cases_are_told_by_file_and_line(text: str, expected: str) -> None:
    with pytest.raises(CasesError, match=expected):
        split(text, FILE)

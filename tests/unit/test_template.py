"""The template: where it is cut, and what a uop's source looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch.cases import Case
from copypatch.errors import TemplateError
from copypatch.template import include_cases, insert_case, split

TEMPLATE, CASES = Path("Tools/jit/template.c"), Path("Python/executor_cases.c.h")
TEXT = """\
#include "Python.h"

/* several
   lines */
#  include <stdint.h> // why
// about the next line

#undef X
#include "late.h"
switch (op) {
    CASE
}
end
"""
CASE = Case("_ADD", "case _ADD: {\n            a();\n        }", 40)


def test_the_prefix_is_the_leading_includes_alone() -> None:
    template = split(TEXT, TEMPLATE)
    assert template.prefix == TEXT[: TEXT.index("// about")]
    assert template.prefix_lines == 5
    assert template.prefix + template.rest == TEXT


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        ("int x;\n#include <a.h>\n", ""),
        ("#include <a.h>\n#define A 1\n#include <b.h>\n", "#include <a.h>\n"),
        ('#include MACRO\n#include "a.h"\n', ""),
        # The placeholder has to be replaced, which in a shared prefix it is not.
        ("#include <a.h>\n// CASE\n#include <b.h>\n", "#include <a.h>\n"),
        ("#include <a.h>\n/* never ends\n#include <b.h>\n", "#include <a.h>\n"),
    ],
)
def test_what_may_stand_in_the_prefix(text: str, prefix: str) -> None:
    assert split(text, TEMPLATE).prefix == prefix


def compiler_lines(source: str) -> dict[str, int]:
    """The lines as the compiler counts them, behind the #line directive."""
    head, _, body = source.partition("#line 1 ")
    assert head == "#undef _JIT_OPCODE\n#define _JIT_OPCODE _ADD\n"
    return {line.strip(): number for number, line in enumerate(body.split("\n")[1:], 1) if line.strip()}


def test_no_line_of_a_uops_source_moves() -> None:
    source = insert_case(split(TEXT, TEMPLATE), CASE, CASES)
    plain = TEXT.replace("CASE", CASE.text).split("\n")
    lines = compiler_lines(source.text)
    assert lines["a();"] == plain.index("            a();") + 1
    assert lines["end"] == plain.index("end") + 1
    assert '#line 1 "./_ADD.c"\n' in source.text


def test_lines_are_told_where_the_user_wrote_them() -> None:
    source = insert_case(split(TEXT, TEMPLATE), CASE, CASES)
    assert source.locate is not None
    lines = compiler_lines(source.text)
    assert source.locate(lines["switch (op) {"]) == (TEMPLATE, 10)
    assert source.locate(lines["case _ADD: {"]) == (CASES, 40)
    assert source.locate(lines["a();"]) == (CASES, 41)
    assert source.locate(lines["end"]) == (TEMPLATE, 13)


def test_every_placeholder_is_replaced() -> None:
    source = insert_case(split("CASE CASE\n", TEMPLATE), Case("_A", "X", 1), CASES)
    assert source.text.endswith("\nX X\n")


def test_a_template_without_a_place_for_the_case_is_told() -> None:
    with pytest.raises(TemplateError, match=r"Tools/jit/template\.c: no CASE in it; .* inside the switch"):
        insert_case(split("#include <CASE.h>x\nint x;\n".replace("CASE", "a"), TEMPLATE), CASE, CASES)


def test_a_3_13_template_includes_all_cases_and_is_named_itself() -> None:
    text = '#include <a.h>\nswitch (op) {\n#include "executor_cases.c.h"\n}\n'
    source = include_cases(split(text, TEMPLATE), CASE, CASES)
    assert source.locate is None
    assert source.text.endswith(
        '#line 1 "Tools/jit/template.c"\n\nswitch (op) {\n#include "executor_cases.c.h"\n}\n'
    )


def test_a_3_13_template_that_includes_no_cases_is_told() -> None:
    with pytest.raises(TemplateError, match=r'template\.c: no #include "executor_cases\.c\.h" in it'):
        include_cases(split("CASE\n", TEMPLATE), CASE, CASES)

"""Comparing our header with the generator's."""

from __future__ import annotations

import pytest

from copypatch.verify import comparable, differing_lines, first_difference

HEADER = """\
// 0123abcd
// $ scons target=x86_64-unknown-linux-gnu

void
emit__ADD(
    unsigned char *code)
{
    //
    // _ADD.o: file format elf64-x86-64
    // 0: nop
}

void
emit__POP(
    unsigned char *code)
{
    // 0: ret
}

"""


def test_equal_headers_have_no_difference() -> None:
    assert first_difference(HEADER, HEADER) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("// $ scons target=x86_64-unknown-linux-gnu", "// $ /usr/bin/python3 Tools/jit/build.py x"),
        ("// _ADD.o: file", "// /tmp/tmp_1x/_ADD.o:        file"),
        ("// _ADD.o: file", "// _ADD.o:  file"),
    ],
)
def test_the_two_places_that_may_differ(old: str, new: str) -> None:
    assert old in HEADER
    assert first_difference(HEADER, HEADER.replace(old, new)) is None


@pytest.mark.parametrize(
    ("old", "new", "where", "ours", "theirs"),
    [
        ("0123abcd", "4567abcd", "line 1:", "// 0123abcd", "// 4567abcd"),
        ("0: nop", "0: ud2", "in _ADD, line 10:", "    // 0: nop", "    // 0: ud2"),
        ("0: ret", "0: retq", "in _POP, line 17:", "    // 0: ret", "    // 0: retq"),
        ("}\n\n\n", "}\n", "in _POP, line 20:", "", "(the file ends)"),
        (
            "elf64-x86-64",
            "elf32",
            "in _ADD, line 9:",
            "    // file format elf64-x86-64",
            "    // file format elf32",
        ),
    ],
)
def test_the_first_difference_names_the_uop_and_the_line(
    old: str, new: str, where: str, ours: str, theirs: str
) -> None:
    header = HEADER + "\n" if old.endswith("\n\n\n") else HEADER
    changed = header.replace(old, new)
    assert changed != header
    expected = f"{where}\n  copypatch: {ours}\n  generator: {theirs}"
    assert first_difference(header, changed) == expected


def test_a_second_line_that_is_no_command_counts() -> None:
    without = HEADER.replace("// $ scons target=x86_64-unknown-linux-gnu\n", "")
    assert first_difference(HEADER, without) is None
    assert first_difference(HEADER, HEADER.replace("// $ scons", "// scons")) is not None


def test_differing_lines_are_counted_as_a_diff_shows_them() -> None:
    assert differing_lines(HEADER, HEADER) == 0
    assert differing_lines(HEADER, HEADER.replace("nop", "ud2")) == 2
    assert differing_lines(HEADER, HEADER.replace("    // 0: nop\n", "")) == 1


def test_what_is_compared_keeps_everything_else() -> None:
    assert len(comparable(HEADER)) == HEADER.count("\n")

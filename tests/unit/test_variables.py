"""The variables of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch.errors import OptionError
from copypatch.variables import VARIABLES, parse


def test_nothing_said_is_the_embedded_templates_for_this_machine(tmp_path: Path) -> None:
    options = parse({"target": "x86_64-unknown-linux-gnu"}, tmp_path)
    assert options.cpython is None
    assert options.out is None
    assert options.llvm_major is None
    assert not options.debug
    assert options.cflags == ()


def test_paths_are_relative_to_the_folder_of_the_sconstruct(tmp_path: Path) -> None:
    said = {"target": "x86_64-pc-linux-gnu", "cpython": "../cpython", "pyconfig": "/build", "out": "o ut"}
    options = parse(said, tmp_path)
    assert options.cpython == tmp_path.resolve().parent / "cpython"
    assert options.pyconfig == Path("/build").resolve()
    assert options.out == tmp_path.resolve() / "o ut"


def test_flags_are_split_as_a_shell_does(tmp_path: Path) -> None:
    options = parse({"target": "x86_64-pc-linux-gnu", "cflags": "-O2 '-DX=a b'"}, tmp_path)
    assert options.cflags == ("-O2", "-DX=a b")
    assert options.cflags_text == "-O2 '-DX=a b'"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("YES", True), ("0", False), ("false", False)])
def test_truths(tmp_path: Path, value: str, expected: bool) -> None:
    assert parse({"target": "x86_64-pc-linux-gnu", "debug": value}, tmp_path).debug is expected


def test_llvm_is_a_version_or_a_folder(tmp_path: Path) -> None:
    target = {"target": "x86_64-pc-linux-gnu"}
    assert parse({**target, "llvm": "19"}, tmp_path).llvm_major == 19
    (tmp_path / "mine").mkdir()
    options = parse({**target, "llvm": "mine"}, tmp_path)
    assert (options.llvm_major, options.llvm_prefix) == (None, tmp_path.resolve() / "mine")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "cpthon",
            "x",
            r"cpthon=: there is no such variable; there are cpython, pyconfig, .*\(scons -h explains\)",
        ),
        ("debug", "maybe", "debug=maybe: say debug=0 or debug=1"),
        ("cflags", "'-O2", "cflags='-O2: No closing quotation; quote it as for a shell"),
        ("llvm", "nowhere", "llvm=nowhere: neither a version number nor a folder; .* holds bin/"),
        ("target", "vax-dec-ultrix", "target=vax-dec-ultrix: unknown target triple"),
        ("target", "", "target=: names no triple"),
        ("engine", "ours", "engine=ours: say engine=auto or engine=native or engine=tree"),
        ("pyconfig", "build", "pyconfig=: only a CPython tree has a pyconfig.h; say which with cpython=DIR"),
    ],
)
def test_a_bad_variable_is_told_by_name(tmp_path: Path, name: str, value: str, expected: str) -> None:
    with pytest.raises(OptionError, match=expected):
        parse({"target": "x86_64-pc-linux-gnu", name: value}, tmp_path)


def test_every_variable_of_the_contract_is_there() -> None:
    contract = {"cpython", "pyconfig", "target", "debug", "cflags", "llvm", "out"}
    assert contract <= {variable.name for variable in VARIABLES}

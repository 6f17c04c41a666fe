"""The generator's command line, as three releases of CPython write it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from copypatch import build
from copypatch.errors import OptionError
from copypatch.generator import WORK, default_jobs, parse
from copypatch.session import Session

_TRIPLE = "x86_64-pc-linux-gnu"


def test_as_3_13_calls_it(tmp_path: Path) -> None:
    asked = parse(["../tree/Tools/jit/build.py", _TRIPLE, "--debug"], tmp_path / "build")
    assert asked.source == tmp_path / "tree"
    assert asked.options.pyconfig == asked.output == tmp_path / "build"
    assert asked.work == tmp_path / "build" / WORK
    assert [target.triple for target in asked.options.targets] == [_TRIPLE]
    assert asked.options.debug
    assert not asked.force
    assert not asked.verbose


def test_as_3_14_calls_it(tmp_path: Path) -> None:
    words = [
        _TRIPLE,
        "aarch64-apple-darwin",
        "--output-dir",
        "out",
        "--pyconfig-dir",
        ".",
        "--cflags=-DX='a b' -O2",
    ]
    asked = parse(["/tree/Tools/jit/build.py", *words, "-f", "-v"], tmp_path)
    assert asked.source == Path("/tree")
    assert (asked.options.pyconfig, asked.output) == (tmp_path, tmp_path / "out")
    assert len(asked.options.targets) == 2
    assert asked.options.cflags == ("-DX=a b", "-O2")
    # As it was written: the digest in the first line is over this.
    assert asked.options.cflags_text == "-DX='a b' -O2"
    assert asked.force
    assert asked.verbose


def test_as_3_15_calls_it(tmp_path: Path) -> None:
    llvm = tmp_path / "llvm"
    llvm.mkdir()
    common = ["cpython=/tree", _TRIPLE, "-o", ".", "-p", "."]
    asked = parse([*common, "--llvm-version", "21", "--llvm-tools-install-dir", str(llvm)], tmp_path)
    assert (asked.options.llvm_major, asked.options.llvm_prefix) == (21, llvm)
    assert parse([*common, "--llvm-version=20"], tmp_path).options.llvm_major == 20
    # Whatever we are told to use, the generator would use that one.
    assert parse(["llvm=21", *common, "--llvm-version=20"], tmp_path).options.generator_llvm == 20
    assert parse(common, tmp_path).options.generator_llvm is None
    with pytest.raises(OptionError, match="llvm-version twenty"):
        parse([*common, "--llvm-version", "twenty", "--llvm-tools-install-dir", str(llvm)], tmp_path)


def test_variables_win(tmp_path: Path) -> None:
    words = ["debug=0", "cflags=-O1", "target=aarch64-apple-darwin", "out=work", "cache=off", "llvm=20"]
    asked = parse(
        [*words, "/tree/Tools/jit/build.py", _TRIPLE, "--debug", "--cflags=-O2", "--llvm-version=19"], tmp_path
    )
    options = asked.options
    assert (options.debug, options.cflags, options.cache, options.llvm_major) == (False, ("-O1",), None, 20)
    assert [target.triple for target in options.targets] == ["aarch64-apple-darwin"]
    assert (asked.work, asked.output) == (tmp_path / "work", tmp_path)
    # A flag is no variable, whatever it looks like.
    assert parse(["/tree/Tools/jit/build.py", "--cflags", "x=1"], tmp_path).options.cflags == ("x=1",)


@pytest.mark.parametrize("line", ["srcdir=\t\t../tree\n", "prefix=/usr\nsrcdir= ../tree \n", "srcdir := ../tree\n"])
def test_the_makefile_knows_the_tree(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "Makefile").write_text(line, encoding="utf-8")
    assert parse([_TRIPLE], folder).source == tmp_path / "tree"
    assert parse([_TRIPLE], tmp_path).source == tmp_path


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--no-such-option"], tmp_path)
    assert left.value.code == 2
    assert "--no-such-option" in capsys.readouterr().err
    with pytest.raises(OptionError, match="build="):
        parse([f"build={tmp_path}", _TRIPLE], tmp_path)


@pytest.mark.parametrize(
    ("flags", "jobs"),
    [
        ({}, os.cpu_count()),
        ({"MAKEFLAGS": ""}, os.cpu_count()),
        ({"MAKEFLAGS": " -j3 --jobserver-auth=3,4"}, 3),
        ({"MAKEFLAGS": "ks -j16 --jobserver-auth=fifo:/tmp/x"}, 16),
        ({"MAKEFLAGS": " -j --warn-undefined-variables"}, os.cpu_count()),
        ({"MAKEFLAGS": "w -- CFLAGS=-j5 X= -j7"}, os.cpu_count()),
    ],
)
def test_jobs_are_what_make_was_told(flags: dict[str, str], jobs: int) -> None:
    assert default_jobs(flags) == jobs


def test_the_dispatcher_is_as_new_as_what_it_includes(tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "build"
    out.mkdir()
    header, dispatcher = out / "jit_stencils-x.h", out / "jit_stencils.h"
    header.write_text("1")
    dispatcher.write_text("d")
    tree = SimpleNamespace(dialect=SimpleNamespace(linked_entry=False))
    plan: Any = SimpleNamespace(request=SimpleNamespace(header=header, tree=tree))
    session = cast(Session, SimpleNamespace(plans=[plan], dispatcher=dispatcher))

    def times() -> tuple[int, int]:
        names = ("jit_stencils-x.h", "jit_stencils.h")
        return tuple((folder / name).stat().st_mtime_ns for name in names)  # type: ignore[return-value]

    assert build.deliver(session, folder)
    first = times()
    assert not build.deliver(session, folder)
    assert times() == first
    # The build that delivered the header was killed before it came to the dispatcher.
    os.utime(folder / "jit_stencils.h", ns=(0, first[0] - 1))
    assert not build.deliver(session, folder)
    assert times()[1] >= first[0]
    header.write_text("2")
    assert build.deliver(session, folder)
    assert times()[0] > first[0]
    assert times()[1] >= times()[0]

"""The tools for other machines, as they are brought."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from provision import cross
from provision.steps import Failed


def test_a_runpath_counts_for_the_libraries_of_libraries(tmp_path: Path) -> None:
    """`main` has a path to liba, and liba none to libb: found all the same, once the path is inherited."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.uname().machine != "x86_64":
        pytest.skip("no C compiler (cc) for x86_64 on this machine")
    sources = {"b": "int b(void) { return 0; }", "a": "int b(void); int a(void) { return b(); }"}
    (tmp_path / "lib").mkdir()
    for name, text in {**sources, "main": "int a(void); int main(void) { return a(); }"}.items():
        (tmp_path / f"{name}.c").write_text(text, encoding="utf-8")
    for name, uses in (("b", []), ("a", ["-lb"])):
        library = str(tmp_path / "lib" / f"lib{name}.so")
        options = ["-shared", "-fPIC", f"-L{tmp_path}/lib", "-o", library]
        subprocess.run([compiler, str(tmp_path / f"{name}.c"), *options, *uses], check=True)
    program = tmp_path / "main"
    options = [f"-L{tmp_path}/lib", "-la", f"-Wl,-rpath,{tmp_path}/lib,--enable-new-dtags"]
    options += [f"-Wl,-rpath-link,{tmp_path}/lib", "-o", str(program)]
    subprocess.run([compiler, str(tmp_path / "main.c"), *options], check=True)
    assert subprocess.run([program], capture_output=True, check=False).returncode != 0
    before = program.read_bytes()
    after = cross.inherited_runpath(before)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    program.write_bytes(after)
    subprocess.run([program], check=True)
    assert cross.inherited_runpath(after) == after


@pytest.mark.parametrize("text", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60)])
def test_what_is_no_program_is_told(text: bytes) -> None:
    with pytest.raises(Failed, match="not a program"):
        cross.inherited_runpath(text)


def test_the_compiler_has_every_target(llvm_all: Path) -> None:
    done = subprocess.run(
        [llvm_all / "bin" / "clang", "--print-targets"], capture_output=True, text=True, check=True
    )
    assert {"aarch64", "x86", "x86-64"} <= set(done.stdout.split())

"""The embedded templates for every target: they build, keep out of each other's way, and run."""

from __future__ import annotations

import platform
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from support import trees
from support.clang import program
from support.scons import Scons, texts
from targets.conftest import KINDS, TRIPLES, UOPS, Built, debug_of
from targets.machines import AArch64

pytestmark = [pytest.mark.build, pytest.mark.slow]

_LINUX = "aarch64-unknown-linux-gnu"


@pytest.mark.parametrize("kind", KINDS)
def test_every_target_has_a_header_with_every_uop(built: Built, kind: str) -> None:
    headers = built.headers[kind]
    assert headers.keys() == {"jit_stencils.h", *(f"jit_stencils-{triple}.h" for triple in TRIPLES)}
    for triple in TRIPLES:
        text = headers[f"jit_stencils-{triple}.h"].decode()
        emitted = re.findall(r"^emit_(\w+)\($", text, re.MULTILINE)
        assert len(emitted) == len(set(emitted)) == UOPS + 1
    assert len(set(headers.values())) == len(headers)


def test_release_and_debug_live_side_by_side(built: Built) -> None:
    assert {path.name for path in (built.out / "uops").iterdir() if path.is_dir()} == {
        f"{triple}-{kind}" for triple in TRIPLES for kind in KINDS
    }
    for kind in KINDS:
        counts = built.scons.ok(debug=debug_of(kind)).counts
        assert counts.fresh == counts.total
        assert texts(built.out) == built.headers[kind]


def test_one_cache_holds_all(built: Built, tmp_path: Path) -> None:
    for kind in reversed(KINDS):
        counts = built.scons.ok(debug=debug_of(kind), out=tmp_path).counts
        assert counts.restored == counts.total
        assert texts(tmp_path) == built.headers[kind]


def test_targets_built_alone_are_the_same(built: Built, tmp_path: Path) -> None:
    for triple in TRIPLES:
        built.scons.ok(out=tmp_path / triple, target=triple)
        name = f"jit_stencils-{triple}.h"
        assert (tmp_path / triple / name).read_bytes() == built.headers["release"][name]


@pytest.mark.parametrize("triple", TRIPLES)
def test_the_compiler_picks_the_targets_header(built: Built, llvm_all: Path, tmp_path: Path, triple: str) -> None:
    done = _include(built, llvm_all, tmp_path, triple)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"[\w-]+\.h", done.stdout) == ["jit_stencils.h", f"jit_stencils-{triple}.h"]


@pytest.mark.parametrize(
    "triple", ["riscv64-unknown-linux-gnu", "i686-unknown-linux-gnu", "x86_64-unknown-freebsd"]
)
def test_a_target_that_was_not_built_is_an_error(built: Built, llvm_all: Path, tmp_path: Path, triple: str) -> None:
    done = _include(built, llvm_all, tmp_path, triple)
    assert done.returncode != 0
    assert "unexpected target" in done.stderr


def _include(built: Built, llvm: Path, folder: Path, triple: str) -> subprocess.CompletedProcess[str]:
    """What clang includes, by its own macros for a target."""
    source = folder / "client.c"
    source.write_text('#include "jit_stencils.h"\n', encoding="utf-8")
    options = [f"--target={triple}", "-E", "-MM", "-ffreestanding", "-I", built.out, source]
    return subprocess.run(
        [str(llvm / "bin" / "clang"), *map(str, options)], capture_output=True, text=True, check=False
    )


def test_adding_a_uop_changes_no_other_uops_fragment(home: Path, llvm_all: Path, tmp_path: Path) -> None:
    project = trees.copy_project(tmp_path / "project")
    # Darwin's calls go through trampolines, whose numbers all come after those of the new uop, the first by name.
    places = {"out": tmp_path / "out", "llvm": llvm_all}
    scons = Scons(home, project=project, variables={**places, "target": f"aarch64-apple-darwin,{_LINUX}"})
    scons.ok()
    before, header = texts(tmp_path / "out", "uops/*/fragments/*.h"), texts(tmp_path / "out")
    templates = project / "uop_templates"
    cases = templates / "executor_cases.c.h"
    text = cases.read_text(encoding="utf-8")
    start = text.index("        case _")
    case = "        case _ABORT: {\n            cp_assert_failed(NULL, NULL, 0);\n            break;\n        }\n\n"
    cases.write_text(text[:start] + case + text[start:], encoding="utf-8")
    trees.edit(
        templates / "uop_ids.h",
        "    X(_STRING_BYTE, NONE)\n",
        "    X(_STRING_BYTE, NONE) \\\n    X(_ABORT, NONE)\n",
    )
    scons.ok()
    after = texts(tmp_path / "out", "uops/*/fragments/*.h")
    assert {name: after[name] for name in before} == before
    assert {Path(name).name for name in after.keys() - before.keys()} == {"_ABORT.h"}
    apple = "jit_stencils-aarch64-apple-darwin.h"
    old, new = (_ordinals(headers[apple].decode()) for headers in (header, texts(tmp_path / "out")))
    assert new == {name: number + 1 for name, number in old.items()} | {"cp_assert_failed": 0}


def _ordinals(header: str) -> dict[str, int]:
    return {name: int(number) for number, name in re.findall(r"^    \[(\d+)\] = &(\w+),$", header, re.MULTILINE)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_demo_runs_on_aarch64(home: Path, tmp_path: Path, aarch64: AArch64, kind: str) -> None:
    """The same programs and checks as on this machine: every uop as machine code, equal results."""
    emulator = program(tmp_path, "emulator", f'exec {shlex.join(aarch64.run())} "$@" --quick\n')
    variables: dict[str, str | Path] = {"out": tmp_path / "out", "llvm": aarch64.llvm, "target": _LINUX}
    environ = {"COPYPATCH_SYSROOT": str(aarch64.sysroot), "COPYPATCH_EMULATOR": str(emulator)}
    done = Scons(home, variables=variables, environ=environ).ok("run", debug=debug_of(kind))
    assert "\nall results are equal\n" in done.stdout
    assert f"uops executed as machine code: {UOPS} of {UOPS}" in done.stdout
    header = (tmp_path / "out" / f"jit_stencils-{_LINUX}.h").read_text(encoding="utf-8")
    called = set(re.findall(r"patch_aarch64_\w+(?=\()", header))
    assert called >= {f"patch_aarch64_{name}" for name in ("12", "21r", "26r", "trampoline")}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the machine is not of another architecture")
def test_what_cannot_run_is_said(home: Path, tmp_path: Path, llvm_all: Path) -> None:
    done = Scons(home)("run", out=tmp_path, llvm=llvm_all, target="aarch64-apple-darwin")
    assert done.status != 0
    assert not done.has_traceback
    assert "none of the targets is this machine or Linux" in done.output

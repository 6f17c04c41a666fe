"""What ninja builds is what scons builds, from nothing and after any edit, and no more is compiled than must be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.ninja import OURS, Ninja
from support.scons import Scons, snapshot

pytestmark = pytest.mark.build

Edit = Callable[[str, str, str], None]
CASES = "Python/executor_cases.c.h"
TEMPLATE = "Tools/jit/template.c"
ALL = 19


def object_runs(clang: CountedLLVM) -> set[str]:
    """The uops of which ninja had an object made by a command of its own."""
    return {
        Path(words[words.index("-o") + 1]).stem for words in clang.runs() if "-c" in words and "-###" not in words
    }


@pytest.mark.parametrize(
    ("form", "variables"),
    [
        pytest.param("", {}, id="embedded"),
        pytest.param("3.13", {"debug": "1"}, id="3.13"),
        pytest.param("3.14", {"target": "x86_64-unknown-linux-gnu,x86_64-pc-windows-msvc"}, id="3.14, two targets"),
    ],
)
def test_the_same_headers(
    form: str,
    variables: dict[str, str],
    minitree: Callable[[str], Path],
    place: Callable[[str], Path],
    home: Path,
) -> None:
    tree: dict[str, str | Path] = {"cpython": minitree(form)} if form else {}
    llvm = place(trees.LLVM[form or "3.14"])
    out = minitree("3.14").with_name("an out $folder")
    scons = Scons(home, variables={"out": out, "llvm": llvm, **tree, **variables})
    scons.ok("ninja")
    ninja = Ninja(scons, out)
    ninja.ok()
    assert ninja.idle()
    assert ninja.is_like_scons()
    before = snapshot(out)
    assert scons.ok().counts.compiled == 0
    assert snapshot(out) == before
    assert ninja.idle()


def test_edits(ninja: Ninja, clang: CountedLLVM, edit: Edit, tree: Path) -> None:
    """One folder, edit after edit, as people work."""
    assert ninja.idle()
    assert not clang.runs()

    edit(CASES, '"interrupted"', '"stopped"')
    ninja.ok()
    assert object_runs(clang) == {"_CHECK_INTERRUPT"}
    assert len(clang.runs("llvm-readobj")) == 1
    assert ninja.is_like_scons()
    clang.forget()
    assert ninja.scons.ok().counts.compiled == 0
    assert ninja.idle()
    assert not clang.compiled()

    # A comment in a header, and one between the cases.
    edit("Include/refcount.h", "#define MINI", "// one\n#define MINI")
    edit(CASES, "// The uops of minitree.", "// All uops of minitree.")
    ninja.ok()
    assert object_runs(clang) == set()
    assert ninja.is_like_scons()

    # A comment in the template: all sources change, and no object.
    clang.forget()
    edit(TEMPLATE, "    int oparg;", "    int oparg;  // for the cases")
    ninja.ok()
    assert object_runs(clang) == set()
    assert ninja.is_like_scons()

    clang.forget()
    edit("Include/refcount.h", "REFERENCE 1", "REFERENCE 2")
    done = ninja.ok()
    assert len(clang.compiled()) == ALL
    # Many are compiled in shards; what clang warns of says so at its place, once.
    assert object_runs(clang) == {"shim", "_WARN"}
    assert done.count("warning:") == 1
    assert f"{trees.cases_file(tree)}:" in done
    assert ninja.is_like_scons()
    assert ninja.idle()

    clang.forget()
    edit(TEMPLATE, "return (TARGET);", "return (TARGET) + 1;")
    edit("Tools/jit/shim.c", "return call(frame,", "return call(frame + 1,")
    ninja.ok()
    assert {"_EXIT", "shim"} <= object_runs(clang)
    assert ninja.is_like_scons()

    # A header that comes to stand before another.
    text = (tree / "Include" / "pyport.h").read_text(encoding="utf-8")
    (tree / "pyport.h").write_text(text.replace("#define MINI", "int come;\n#define MINI", 1), encoding="utf-8")
    (tree / "Include" / "object.h").rename(tree / "object.h")
    ninja.ok()
    assert ninja.is_like_scons()
    assert ninja.idle()


def test_the_list_of_uops(ninja: Ninja, clang: CountedLLVM, edit: Edit, tree: Path) -> None:
    trees.add_case(tree, "_NEW_1", "            tstate->number = 2.5;\n            break;")
    ninja.ok()
    assert object_runs(clang) == {"_NEW_1"}
    assert ninja.is_like_scons()
    clang.forget()
    edit(CASES, "case _NEW_1: {", "case _NEW_2: {")
    ninja.ok()
    assert object_runs(clang) == {"_NEW_2"}
    assert ninja.is_like_scons()
    cases = trees.cases_file(tree)
    text = cases.read_text(encoding="utf-8")
    start = text.index("        case _NEW_2")
    cases.write_text(text[:start] + text[text.index("#undef TIER_TWO") :], encoding="utf-8")
    clang.forget()
    ninja.ok()
    assert object_runs(clang) == set()
    assert ninja.is_like_scons()
    assert ninja.idle()


def test_a_uop_that_fails(ninja: Ninja, clang: CountedLLVM, edit: Edit, tree: Path) -> None:
    before = snapshot(ninja.out)
    edit(CASES, '"interrupted"', '"stopped"')
    edit(CASES, "tstate->counts[0] = 0;", "tstate->counts[0] = ;")
    done = ninja("-k0")
    assert done.status != 0
    line = trees.line_of(trees.cases_file(tree), "tstate->counts[0] = ;")
    assert f"{trees.cases_file(tree)}:{line}:" in done.output
    assert not done.has_traceback
    assert object_runs(clang) == {"_CHECK_INTERRUPT", "_CHOOSE"}
    assert snapshot(ninja.out) == before
    clang.forget()
    edit(CASES, "tstate->counts[0] = ;", "tstate->counts[0] = 3;")
    ninja.ok()
    assert object_runs(clang) == {"_CHOOSE"}
    assert ninja.is_like_scons()


def test_what_was_ready_is_not_taken_for_another_text(
    ninja: Ninja, edit: Edit, clang: CountedLLVM, out: Path
) -> None:
    """ninja is killed when the shards are done; then a case is edited, and after that a header."""
    ready = out / "uops" / "x86_64-unknown-linux-gnu-release" / "ready" / "obj"
    keys = out / "uops" / "x86_64-unknown-linux-gnu-release" / "headers.json"
    edit("Include/refcount.h", "REFERENCE 1", "REFERENCE 2")
    assert ninja("uops/x86_64-unknown-linux-gnu-release/headers.json").status == 0
    assert keys.is_file()
    left = {path.stem for path in ready.iterdir()}
    assert "_CHOOSE" in left
    assert "_CHECK_INTERRUPT" in left
    clang.forget()
    edit(CASES, '"interrupted"', '"stopped"')
    ninja.ok()
    assert "_CHECK_INTERRUPT" in object_runs(clang)
    assert "_CHOOSE" not in clang.compiled()
    assert ninja.is_like_scons()

    edit("Include/refcount.h", "REFERENCE 2", "REFERENCE 3")
    assert ninja("uops/x86_64-unknown-linux-gnu-release/headers.json").status == 0
    edit("Include/refcount.h", "REFERENCE 3", "REFERENCE 1")
    ninja.ok()
    assert ninja.is_like_scons()
    assert ninja.idle()


def test_another_compiler_and_our_own_code(
    home: Path, tmp_path: Path, llvm_19: Path, tree: Path, clang: CountedLLVM
) -> None:
    project = trees.copy_project(tmp_path / "project")
    out = tmp_path / "out"
    scons = Scons(home, project, {"out": out, "cpython": tree, "llvm": clang.prefix})
    scons.ok("ninja")
    ninja = Ninja(scons, out)
    ninja.ok()
    program = clang.prefix / "bin" / "clang"
    program.write_text(f"{program.read_text(encoding='utf-8')}# another one\n", encoding="utf-8")
    clang.forget()
    ninja.ok()
    assert len(clang.compiled()) == ALL
    clang.forget()
    trees.edit(
        project / "site_scons" / "copypatch" / "fragment.py", 'yield f"    // {line}"', 'yield f"    //  {line}"'
    )
    ninja.ok()
    assert object_runs(clang) == set()
    assert ninja.is_like_scons()


def test_lost_files(ninja: Ninja, clang: CountedLLVM) -> None:
    (part,) = ninja.out.glob("uops/*-release")
    header = snapshot(ninja.out)
    for name in ("fragments/_EXIT.h", "json/_EXIT.json", "src/_EXIT.c", "headers.json", "manifest.json"):
        (part / name).unlink()
        ninja.ok()
    assert {name: text for name, (text, _) in snapshot(ninja.out).items()} == {
        name: text for name, (text, _) in header.items()
    }
    shutil.rmtree(part)
    ninja.ok()
    assert ninja.is_like_scons()
    (ninja.out / "uops" / "ninja.json").unlink()
    ninja.ok()
    assert ninja.idle()


def test_damaged_files(ninja: Ninja, edit: Edit) -> None:
    """At worst a run says what is wrong with what, and the next puts it right."""
    (part,) = ninja.out.glob("uops/*-release")
    kept = ("texts.json", "headers.json", "stencils.json", "folders.txt", "opnames.txt", "expansion.json")
    word = "interrupted"
    for number, name in enumerate([*kept, "../ninja.json"]):
        file = part / name
        text = file.read_text(encoding="utf-8")
        # Still JSON, but not what was written; and no news to ninja, which goes by times.
        then = file.stat()
        file.write_text(text.replace("a", "b").replace("1", "7"), encoding="utf-8")
        os.utime(file, ns=(then.st_atime_ns, then.st_mtime_ns))
        edit(CASES, f'"{word}"', f'"stopped{number}"')
        word = f"stopped{number}"
        done = ninja()
        assert not done.has_traceback, done.output
        if done.status:
            assert "copypatch: error:" in done.output
            if "run `scons ninja` again" in done.output:
                ninja.scons.ok("ninja")
            ninja.ok()
        assert ninja.is_like_scons(), name
    assert ninja.idle()


def _other_ninja() -> Path | None:
    found = [Path(folder) / "ninja" for folder in os.environ.get("PATH", "").split(os.pathsep)]
    return next((path for path in found if path.is_file() and path.resolve() != OURS.resolve()), None)


def test_its_tools(ninja: Ninja, tree: Path, edit: Edit) -> None:
    database = json.loads(ninja("-t", "compdb").stdout)
    commands = {entry["output"]: entry["command"] for entry in database}
    (compile_one,) = [command for output, command in commands.items() if output.endswith("obj/_EXIT.o")]
    # It is a command of the compiler's, as it stands.
    subprocess.run(compile_one.split(), cwd=ninja.out, check=True)
    assert "digraph ninja" in ninja.ok("-t", "graph")
    edit(CASES, '"interrupted"', '"stopped"')
    assert "ninja explain:" in ninja.ok("-d", "explain")
    assert ninja.is_like_scons()


def test_under_make(ninja: Ninja, tmp_path: Path, edit: Edit) -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("there is no make on this machine")
    edit("Include/refcount.h", "REFERENCE 1", "REFERENCE 2")
    text = f"all:\n\t+{' '.join(ninja.command())}\n"
    (tmp_path / "Makefile").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [make, "-j2", "-C", str(tmp_path)],
        env=ninja.scons.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr
    assert ninja.is_like_scons()


def test_an_older_ninja(ninja: Ninja, edit: Edit, clang: CountedLLVM) -> None:
    other = _other_ninja()
    if other is None:
        pytest.skip("there is no other ninja than the project's on PATH (Debian's package ninja-build has one)")
    older = Ninja(ninja.scons, ninja.out, other)
    # It may not read the newer one's log; what is there is as it should be all the same.
    older.ok()
    assert object_runs(clang) == set()
    edit(CASES, '"interrupted"', '"stopped"')
    older.ok()
    assert object_runs(clang) == {"_CHECK_INTERRUPT"}
    assert older.is_like_scons()
    clang.forget()
    ninja.ok()
    assert object_runs(clang) == set()
    assert ninja.idle()

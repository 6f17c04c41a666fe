"""What an edit makes the build do: as little as it can, and never too little."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.clang import CountedLLVM
from support.scons import Scons, objects, remade, snapshot, texts

pytestmark = pytest.mark.build

Edit = Callable[[str, str, str], None]
CASES = "Python/executor_cases.c.h"
TEMPLATE = "Tools/jit/template.c"
ALL = 19


@dataclass(frozen=True)
class Built:
    """A tree that was built once; `again` builds it again and says which uops were compiled."""

    scons: Scons
    out: Path
    clang: CountedLLVM

    def again(self, **variables: str) -> set[str]:
        """Build again; the closing line has to agree with the objects."""
        before = objects(self.out)
        done = self.scons.ok(**variables)
        compiled = remade(before, self.out)
        assert done.counts.compiled == len(compiled), done.output
        assert done.counts.fresh == done.counts.total - len(compiled)
        return compiled

    def like_a_clean_build(self, **variables: str) -> bool:
        """Whether the headers are those of a build from nothing."""
        clean = self.out.with_name("clean")
        self.scons.ok(out=clean, **variables)
        return texts(clean) == texts(self.out)


@pytest.fixture
def built(build: Scons, out: Path, clang: CountedLLVM) -> Built:
    """Minitree in 3.14 form, built."""
    done = build.ok()
    assert (done.counts.total, done.counts.compiled) == (ALL, ALL)
    clang.forget()
    return Built(build, out, clang)


def test_the_embedded_templates(scons: Scons, out: Path) -> None:
    done = scons.ok()
    names = trees.opnames(trees.ROOT / "uop_templates" / "executor_cases.c.h")
    assert (done.counts.total, done.counts.compiled) == (len(names) + 1, len(names) + 1)
    (header,) = out.glob("jit_stencils-*.h")
    text = header.read_text(encoding="utf-8")
    assert all(f"\nemit_{name}(\n" in text for name in (*names, "shim"))
    assert f'#include "{header.name}"' in (out / "jit_stencils.h").read_text(encoding="utf-8")
    before = snapshot(out)
    done = scons.ok()
    assert (done.counts.compiled, done.counts.fresh) == (0, len(names) + 1)
    assert snapshot(out) == before


@pytest.mark.parametrize("form", ["3.13", "3.14"])
def test_nothing_changed(
    form: str,
    minitree: Callable[[str], Path],
    place: Callable[[str], Path],
    home: Path,
    tmp_path: Path,
) -> None:
    llvm = CountedLLVM.make(tmp_path / "counted", place(trees.LLVM[form]))
    out = tmp_path / "out"
    scons = Scons(home, variables={"out": out, "cpython": minitree(form), "llvm": llvm.prefix})
    done = scons.ok()
    assert (done.counts.total, done.counts.compiled) == (ALL, ALL)
    before = snapshot(out, "**/*")
    llvm.forget()
    done = scons.ok()
    assert (done.counts.fresh, done.counts.compiled) == (ALL, 0)
    assert not llvm.runs()
    assert not llvm.runs("llvm-readobj")
    after = snapshot(out, "**/*")
    # SCons writes its own database each time.
    assert {name for name in after if after[name] != before.get(name)} <= {"uops/sconsign.dblite"}


def test_one_case(built: Built, edit: Edit) -> None:
    header = snapshot(built.out, "jit_stencils-*.h")
    edit(CASES, 'mini_raise(tstate, "interrupted")', 'mini_raise(tstate, "stopped")')
    assert built.again() == {"_CHECK_INTERRUPT"}
    assert built.clang.compiled() == {"_CHECK_INTERRUPT"}
    assert len(built.clang.runs("llvm-readobj")) == len(built.clang.runs("llvm-objdump")) == 1
    assert snapshot(built.out, "jit_stencils-*.h") != header
    assert built.like_a_clean_build()
    assert built.again() == set()


def test_one_case_and_back(built: Built, edit: Edit) -> None:
    header = texts(built.out)
    edit(CASES, "the sum is too large", "the sum is too long")
    assert built.again() == {"_ADD_TWICE"}
    edit(CASES, "the sum is too long", "the sum is too large")
    assert built.again() <= {"_ADD_TWICE"}
    assert texts(built.out) == header


def test_two_cases_and_a_new_one(built: Built, tree: Path, edit: Edit) -> None:
    edit(CASES, 'mini_raise(tstate, "interrupted")', 'mini_raise(tstate, "stopped")')
    edit(CASES, '"seven thousand"', '"many"')
    trees.add_case(tree, "_NEW_1", "            tstate->number = 2.5;\n            break;")
    assert built.again() == {"_CHECK_INTERRUPT", "_CHOOSE", "_NEW_1"}
    assert built.like_a_clean_build()


def test_a_case_that_goes(built: Built, tree: Path, edit: Edit) -> None:
    trees.add_case(tree, "_NEW_1", "            tstate->number = 2.5;\n            break;")
    assert built.again() == {"_NEW_1"}
    cases = trees.cases_file(tree)
    text = cases.read_text(encoding="utf-8")
    start = text.index("        case _NEW_1")
    cases.write_text(text[:start] + text[text.index("#undef TIER_TWO") :], encoding="utf-8")
    assert built.again() == set()
    assert built.like_a_clean_build()


def test_a_renamed_case(built: Built, edit: Edit) -> None:
    edit(CASES, "case _FAIL: {", "case _NEW_2: {")
    assert built.again() == {"_NEW_2"}
    assert built.like_a_clean_build()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param(CASES, "            // clang says", "            // clang tells", id="comment in a case"),
        pytest.param(
            CASES,
            "            oparg = CURRENT_OPARG();",
            "            oparg  =  CURRENT_OPARG();",
            id="spaces in a case",
        ),
        pytest.param(CASES, "// The uops of minitree.", "// All uops of minitree.", id="comment between cases"),
        pytest.param(CASES, "#define TIER_TWO 2", "\n\n\n#define TIER_TWO 2", id="lines between cases"),
        pytest.param(
            "Include/internal/pycore_mini.h", "// Stays out", "// It stays\n// out", id="comment in a header"
        ),
        pytest.param(
            "Include/refcount.h", "#define MINI", "// one\n#define MINI", id="comment, header of a header"
        ),
        pytest.param("Include/pyport.h", "#define MINI_UNUSED 1", "#define MINI_UNUSED 2", id="unused macro"),
        pytest.param("pyconfig.h", "#define MINI_FEATURE 1", "#define MINI_FEATURE 0", id="unused feature"),
        pytest.param(TEMPLATE, "    int oparg;", "    int oparg;  // for the cases", id="comment in the template"),
        pytest.param(
            TEMPLATE, '#include "jit.h"', '#include "jit.h"\n// Now the macros:', id="line in the include block"
        ),
    ],
)
def test_what_the_compiler_cannot_see(built: Built, edit: Edit, name: str, old: str, new: str) -> None:
    edit(name, old, new)
    assert built.again() == set()
    assert not built.clang.compiled()
    assert built.like_a_clean_build()
    built.clang.forget()
    assert built.again() == set()
    assert not built.clang.runs()


@pytest.mark.parametrize(
    "name", [CASES, "Include/object.h", "pyconfig.h", TEMPLATE, "Tools/jit/shim.c", "Tools/jit/jit.h"]
)
def test_touched(built: Built, tree: Path, name: str) -> None:
    before = snapshot(built.out)
    os.utime(tree / name)
    assert built.again() == set()
    assert snapshot(built.out) == before


@pytest.mark.parametrize(
    ("change", "least"),
    [
        pytest.param(
            ("Include/refcount.h", "REFERENCE 1", "REFERENCE 2"), {"_LOAD_OPARG"}, id="header of a header"
        ),
        pytest.param(("Include/internal/pycore_mini.h", "salt << 7", "salt << 9"), {"_MIX"}, id="header"),
        pytest.param(
            ("Python/ceval_macros.h", "nobody has", "we have"), {"_NAME_COLOUR"}, id="header without a guard"
        ),
        pytest.param(("pyconfig.h", "__SIZEOF_POINTER__", "(4 + 4)"), set[str](), id="pyconfig.h, to the same end"),
        pytest.param((TEMPLATE, "return (TARGET);", "return (TARGET) + 1;"), {"_EXIT"}, id="macro of the template"),
        pytest.param(
            ("Tools/jit/jit.h", "(TYPE)(uintptr_t)&ALIAS", "(TYPE)(uintptr_t)(&ALIAS)"), {"shim"}, id="jit.h"
        ),
        pytest.param(("Tools/jit/shim.c", "return call(frame,", "return call(frame + 1,"), {"shim"}, id="shim"),
    ],
)
def test_what_the_compiler_can_see(built: Built, edit: Edit, change: tuple[str, str, str], least: set[str]) -> None:
    edit(*change)
    assert least <= built.again()
    assert built.like_a_clean_build()
    assert built.again() == set()


def test_a_macro_that_comes_into_use(built: Built, edit: Edit) -> None:
    edit(CASES, "tstate->counts[0] = 0;", "tstate->counts[0] = MINI_UNUSED;")
    assert built.again() == {"_CHOOSE"}
    edit("Include/pyport.h", "#define MINI_UNUSED 1", "#define MINI_UNUSED 3")
    assert "_CHOOSE" in built.again()
    assert built.like_a_clean_build()


def test_a_header_that_comes_to_stand_before_another(built: Built, tree: Path) -> None:
    # -I of the pyconfig folder comes before Include/.
    text = (tree / "Include" / "refcount.h").read_text(encoding="utf-8")
    (tree / "Include" / "internal" / "refcount.h").write_text(text.replace("E 1", "E 3"), encoding="utf-8")
    assert built.again() == set()
    (tree / "refcount.h").write_text(text.replace("E 1", "E 5"), encoding="utf-8")
    # object.h finds the one beside itself first, as clang does.
    assert built.again() == set()
    assert built.like_a_clean_build()
    (tree / "pyport.h").write_text(
        (tree / "Include" / "pyport.h")
        .read_text(encoding="utf-8")
        .replace("MINI_UNUSED 1", "MINI_UNUSED 1\nint x;"),
        encoding="utf-8",
    )
    (tree / "Include" / "pyport.h").unlink()
    assert built.again()
    assert built.like_a_clean_build()


def test_debug_lines(built: Built, edit: Edit) -> None:
    """In a debug build the line of an assert is in the stencil, so an empty line can change it."""
    built.scons.ok(debug="1")
    assert built.again(debug="1") == set()
    edit(CASES, "            assert(stack_pointer != NULL);", "\n            assert(stack_pointer != NULL);")
    assert built.again(debug="1") == {"_ASSERTED"}
    assert built.like_a_clean_build(debug="1")
    edit(
        "Include/internal/pycore_mini.h",
        "    assert(frame->locals[index] != NULL);",
        "\n    assert(frame->locals[index]);",
    )
    assert {"_ASSERTED", "_MIX"} <= built.again(debug="1")
    assert built.like_a_clean_build(debug="1")


def test_debug_beside_release(built: Built) -> None:
    """One output folder has room for both; what one leaves, the other does not spoil."""
    release = texts(built.out)
    assert len(built.again(debug="1")) == ALL
    assert texts(built.out) != release
    assert built.again(debug="0") == set()
    assert texts(built.out) == release
    assert built.again(debug="1") == set()


def test_cflags(built: Built) -> None:
    plain = texts(built.out)
    assert len(built.again(cflags="-O1")) == ALL
    optimised = texts(built.out)
    assert optimised != plain
    assert built.again(cflags="-O1") == set()
    # A macro that nobody looks at is in the first lines and nowhere else.
    built.again(cflags="-O1 '-DUNSEEN=\"a b\"'")
    assert built.again(cflags="-O1") <= set(objects(built.out))
    assert texts(built.out) == optimised


def test_two_targets(built: Built) -> None:
    both = "x86_64-unknown-linux-gnu,x86_64-pc-linux-gnu"
    one = texts(built.out, "jit_stencils-x86_64-unknown-linux-gnu.h")
    done = built.scons.ok(target=both)
    assert (done.counts.total, done.counts.fresh, done.counts.compiled) == (2 * ALL, ALL, ALL)
    assert len(texts(built.out, "jit_stencils-*.h")) == 2
    assert texts(built.out, "jit_stencils-x86_64-unknown-linux-gnu.h") == one
    dispatcher = (built.out / "jit_stencils.h").read_text(encoding="utf-8")
    assert dispatcher.index("x86_64-unknown-linux-gnu.h") < dispatcher.index("x86_64-pc-linux-gnu.h")
    assert built.scons.ok(target=both).counts.compiled == 0


@pytest.mark.parametrize("jobs", [1, 16])
def test_jobs(built: Built, jobs: int) -> None:
    many = Scons(built.scons.home, variables=built.scons.variables, jobs=jobs)
    many.ok(out=built.out.with_name("jobs"))
    assert texts(built.out.with_name("jobs")) == texts(built.out)


def test_an_edit_of_the_embedded_templates(tmp_path: Path, home: Path, llvm_19: Path, out: Path) -> None:
    project = trees.copy_project(tmp_path / "project")
    scons = Scons(home, project, {"out": out, "llvm": llvm_19})
    total = scons.ok().counts.total
    before = objects(out)
    templates = project / "uop_templates"
    trees.edit(templates / "executor_cases.c.h", '"ran past the last instruction"', '"ran past the end"')
    scons.ok()
    assert remade(before, out) == {"_FATAL_ERROR"}
    before = objects(out)
    trees.edit(templates / "template.c", "const int uopcode = _JIT_OPCODE;", "const int uopcode = (_JIT_OPCODE);")
    assert scons.ok().counts.compiled == total - 1
    assert "shim" not in remade(before, out)


@pytest.fixture
def own_project(tmp_path: Path, build: Scons) -> Scons:
    """Scons on `tree` with a copy of this project, whose code a test may edit."""
    return Scons(build.home, trees.copy_project(tmp_path / "project"), build.variables)


@pytest.mark.parametrize("module", ["fragment.py", "stencil.py", "readobj.py", "merge.py", "compile.py"])
def test_an_edit_of_the_tool_compiles_nothing(own_project: Scons, out: Path, module: str) -> None:
    own_project.ok()
    before = objects(out), snapshot(out)
    path = own_project.project / "site_scons" / "copypatch" / module
    path.write_text(path.read_text(encoding="utf-8") + "# one more line\n", encoding="utf-8")
    assert own_project.ok().counts.compiled == 0
    assert (objects(out), snapshot(out)) == before


def test_an_edit_of_the_fragment_writer(own_project: Scons, out: Path) -> None:
    """The tool's own code is an input of what it makes: no old fragment survives."""
    own_project.ok()
    library = own_project.project / "site_scons" / "copypatch"
    trees.edit(library / "fragment.py", "_BYTES_PER_ROW = 8", "_BYTES_PER_ROW = 16")
    assert own_project.ok().counts.compiled == 0
    clean = out.with_name("clean")
    own_project.ok(out=clean)
    assert texts(out) == texts(clean)

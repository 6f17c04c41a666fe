"""What a user sees of a uop that does not compile, and what the build does with the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support import trees
from support.scons import Scons, objects, remade, snapshot, texts

pytestmark = pytest.mark.build

CASES = "Python/executor_cases.c.h"
BODY = "            int64_t sum = tstate->counts[0];\n            return no_such_name;"
Edit = Callable[[str, str, str], None]


def test_an_error_is_told_at_the_users_line(build: Scons, tree: Path, out: Path) -> None:
    build.ok()
    headers, before = snapshot(out), objects(out)
    line = trees.add_case(tree, "_NEW_1", BODY) + 1
    trees.edit(trees.cases_file(tree), '"interrupted"', '"stopped"')
    done = build("-k")
    assert done.status != 0
    assert f"{trees.cases_file(tree)}:{line}:20: error: use of undeclared identifier 'no_such_name'" in done.output
    assert done.output.count("error: use of undeclared identifier 'no_such_name'") == 1
    assert not done.has_traceback
    assert (done.counts.failed, done.counts.compiled) == (1, 1)
    assert remade(before, out) == {"_CHECK_INTERRUPT"}
    assert snapshot(out) == headers
    # Again: only what failed is tried.
    before = objects(out)
    done = build("-k")
    assert done.status != 0
    assert (done.counts.failed, done.counts.compiled) == (1, 0)
    assert f"{trees.cases_file(tree)}:{line}:20: error:" in done.output
    assert snapshot(out) == headers
    trees.edit(trees.cases_file(tree), "return no_such_name;", "tstate->counts[1] = sum; break;")
    assert build.ok().counts.compiled == 1
    assert remade(before, out) == {"_NEW_1"}
    clean = out.with_name("clean")
    build.ok(out=clean)
    assert texts(out) == texts(clean)


def test_an_error_in_a_first_build(build: Scons, tree: Path, out: Path) -> None:
    line = trees.add_case(tree, "_NEW_1", BODY) + 1
    done = build("-k")
    assert done.status != 0
    assert f"{trees.cases_file(tree)}:{line}:20: error:" in done.output
    assert done.output.count("error: use of undeclared") == 1
    assert (done.counts.failed, done.counts.compiled, done.counts.finished) == (1, 19, False)
    assert "_NEW_1" in done.output
    assert not list(out.glob("jit_stencils-*.h"))


def test_two_errors_in_two_uops(build: Scons, tree: Path, out: Path) -> None:
    first = trees.add_case(tree, "_NEW_1", BODY) + 1
    second = trees.add_case(tree, "_NEW_2", BODY.replace("no_such_name", "nor_this_one")) + 1
    done = build("-k")
    assert done.status != 0
    assert done.counts.failed == 2
    for line in (first, second):
        assert done.output.count(f"{trees.cases_file(tree)}:{line}:20: error:") == 1, done.output


def test_an_error_without_k(build: Scons, tree: Path, out: Path) -> None:
    build.ok()
    headers = snapshot(out)
    trees.add_case(tree, "_NEW_1", BODY)
    done = build()
    assert done.status != 0
    assert "error: use of undeclared identifier" in done.output
    assert snapshot(out) == headers


def test_an_error_where_all_uops_share_it(build: Scons, tree: Path, out: Path, edit: Edit) -> None:
    build.ok()
    headers = snapshot(out)
    line = trees.line_of(tree / "Include" / "refcount.h", "#define MINI_REFERENCE")
    edit("Include/refcount.h", "#define MINI_REFERENCE 1", "int int;")
    done = build("-k")
    assert done.status != 0
    assert f"{tree / 'Include' / 'refcount.h'}:{line}:" in done.output
    assert not done.has_traceback
    assert snapshot(out) == headers
    edit("Include/refcount.h", "int int;", "#define MINI_REFERENCE 1")
    assert build.ok().counts.failed == 0
    assert texts(out) == {name: text for name, (text, _) in headers.items()}


def test_an_error_in_the_template(build: Scons, tree: Path, out: Path, edit: Edit) -> None:
    build.ok()
    headers = snapshot(out)
    template = tree / "Tools" / "jit" / "template.c"
    edit("Tools/jit/template.c", "    int oparg;", "    integer oparg;")
    done = build("-k")
    assert done.status != 0
    assert (
        f"{template}:{trees.line_of(template, 'integer oparg')}:5: error: use of undeclared identifier 'integer'"
        in done.output
    )
    assert not done.has_traceback
    assert done.counts.failed == 18
    assert snapshot(out) == headers


def test_an_error_in_the_shim(build: Scons, tree: Path, out: Path, edit: Edit) -> None:
    build.ok()
    headers = snapshot(out)
    shim = tree / "Tools" / "jit" / "shim.c"
    edit("Tools/jit/shim.c", "return call(", "return no_such_call(")
    done = build("-k")
    assert done.status != 0
    assert f"{shim}:{trees.line_of(shim, 'no_such_call')}:" in done.output
    assert snapshot(out) == headers


def test_a_missing_include(build: Scons, tree: Path, out: Path, edit: Edit) -> None:
    template = tree / "Tools" / "jit" / "template.c"
    edit("Tools/jit/template.c", '#include "pycore_mini.h"', '#include "pycore_missing.h"')
    done = build("-k")
    assert done.status != 0
    assert f"{template}:{trees.line_of(template, 'pycore_missing')}:10: fatal error:" in done.output
    assert not done.has_traceback


def test_a_warning_is_kept(build: Scons, tree: Path) -> None:
    cases = trees.cases_file(tree)
    line = trees.line_of(cases, "tstate->counts[0] == CURRENT_OPARG();")
    done = build.ok()
    assert f"{cases}:{line}:31: warning: equality comparison result unused" in done.output
    assert done.output.count("warning: equality comparison result unused") == 1
    assert "tstate->counts[0] == CURRENT_OPARG();" in done.output


def test_a_warning_of_a_header_is_kept(build: Scons, tree: Path, edit: Edit) -> None:
    edit("Include/refcount.h", "#define MINI_REFERENCE 1", "#define MINI_REFERENCE 1\n#warning look at me")
    done = build.ok()
    assert f"{tree / 'Include' / 'refcount.h'}:5:2: warning: look at me" in done.output


def test_a_case_with_an_error_in_3_13_form(
    minitree: Callable[[str], Path], llvm_18: Path, home: Path, out: Path
) -> None:
    """All cases are in every source there, so an error in one is every uop's."""
    tree = minitree("3.13")
    scons = Scons(home, variables={"out": out, "cpython": tree, "llvm": llvm_18})
    scons.ok()
    headers = snapshot(out)
    line = trees.add_case(tree, "_NEW_1", BODY) + 1
    done = scons("-k")
    assert done.status != 0
    assert f"{trees.cases_file(tree)}:{line}:20: error: use of undeclared identifier" in done.output
    assert not done.has_traceback
    assert snapshot(out) == headers

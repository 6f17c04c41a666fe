"""The plan: commands, keys and where things go, before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.toy_clang import ToyClang

from copypatch import plan as planner
from copypatch import trees, triples
from copypatch.errors import CasesError, TemplateError
from copypatch.plan import Plan, Request
from copypatch.toolchain import Toolchain

LINUX = triples.parse("x86_64-unknown-linux-gnu")
CASES = """\
        case _NOP: {
            nop;
        }

        case _ADD: {
            x ADD y;
        }
"""
Make = Callable[..., Plan]


def lay_out(root: Path) -> Path:
    """A folder of templates."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "a.h": "int a;\n#define ADD plus\n",
        "template.c": '#include "a.h"\nswitch {\n    CASE\n}\n',
        "shim.c": '#include "a.h"\nentry;\n',
        "executor_cases.c.h": CASES,
    }.items():
        (root / name).write_text(text)
    return root


def request(root: Path, **changes: Any) -> Request:
    tool = root.parent / "bin" / "clang"
    plain = Request(
        tree=trees.embedded_tree(root),
        target=LINUX,
        debug=False,
        cflags=(),
        cflags_text="",
        toolchain=Toolchain(tool, tool, tool, "19.1.7"),
        identity="clang 19",
        out=root.parent / "out",
    )
    return replace(plain, **changes)


def make(root: Path, **changes: Any) -> Plan:
    return planner.make(request(root, **changes), ToyClang())


def keys(plan: Plan) -> dict[str, str]:
    found = {opname: plan.key(opname) for opname in plan.opnames}
    return {opname: key.hexdigest() for opname, key in found.items() if key is not None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "tree")


def test_the_entry_comes_first_and_the_uops_by_name(root: Path) -> None:
    plan = make(root)
    assert plan.opnames == ("shim", "_ADD", "_NOP")
    assert keys(plan).keys() == set(plan.opnames)


def test_a_key_holds_no_path(tmp_path: Path, root: Path) -> None:
    other = lay_out(tmp_path / "a colleague's" / "checkout")
    assert keys(make(root)) == keys(make(other))
    for opname in ("shim", "_ADD"):
        key = make(root).key(opname)
        assert key is not None
        assert str(tmp_path) not in repr(key.fields)


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("executor_cases.c.h", "x ADD y", "y ADD x", {"_ADD"}),
        ("executor_cases.c.h", "nop;", "nop; // does nothing", set()),
        ("executor_cases.c.h", "        case _NOP", "// moved\n        case _NOP", set()),
        ("a.h", "plus", "minus", {"_ADD"}),
        ("a.h", "int a;", "int a; // counter", set()),
        ("a.h", "int a;", "long a;", {"shim", "_ADD", "_NOP"}),
        ("template.c", "switch {", "switch (2) {", {"_ADD", "_NOP"}),
        ("shim.c", "entry;", "entry(2);", {"shim"}),
    ],
)
def test_an_edit_changes_the_keys_of_what_it_changes(
    root: Path, file: str, old: str, new: str, changed: set[str]
) -> None:
    before = keys(make(root))
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))
    after = keys(make(root))
    assert {opname for opname in before if before[opname] != after[opname]} == changed


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": "clang 19, patched"},
        {"debug": True},
        {"cflags": ("-O1",), "cflags_text": "-O1"},
        {"target": triples.parse("x86_64-pc-linux-gnu")},
        {"target": triples.parse("aarch64-apple-darwin")},
    ],
)
def test_what_decides_an_object_is_in_every_key(root: Path, changes: dict[str, Any]) -> None:
    plain, other = keys(make(root)), keys(make(root, **changes))
    assert not set(plain.values()) & set(other.values())


def test_two_flags_are_not_one(root: Path) -> None:
    assert keys(make(root, cflags=("-DA", "-DB"))) != keys(make(root, cflags=("-DA -DB",)))


def test_the_users_flags_come_last(root: Path) -> None:
    plan = make(root, cflags=("-O1",), cflags_text="-O1")
    (step,) = plan.request.steps("_ADD")
    command = plan.compile_command("_ADD", step, "./_ADD.c", "_ADD.o")
    assert command.index("-O3") < command.index("-c") < command.index("-O1")
    assert command[-1] == "-O1"


def test_a_uop_is_compiled_with_the_shared_prefix_and_the_entry_without(root: Path) -> None:
    plan = make(root)
    (step,) = plan.request.steps("_ADD")
    uop = plan.compile_command("_ADD", step, "./_ADD.c", "_ADD.o")
    entry = plan.compile_command("shim", step, "shim.c", "shim.o")
    assert "-include-pch" in uop
    assert "-include-pch" not in entry
    assert "-D_JIT_OPCODE=shim" in entry


def test_a_prefix_that_cannot_be_shared_is_put_back(root: Path) -> None:
    (root / "a.h").write_text("int _JIT_OPCODE;\n")
    plan = make(root)
    (step,) = plan.request.steps("_ADD")
    assert "-include-pch" not in plan.compile_command("_ADD", step, "./_ADD.c", "_ADD.o")
    assert '#include "a.h"\nswitch {\n    case _ADD: {' in plan.source("_ADD").text


def test_nothing_is_expanded_again_without_need(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copypatch.expansion.time.time_ns", lambda: 1 << 62)
    first, second, third = ToyClang(), ToyClang(), ToyClang()
    planner.make(request(root), first)
    planner.make(request(root), second)
    (root / "a.h").write_text("int a;\n")
    planner.make(request(root), third)
    assert (bool(first.commands), second.commands, bool(third.commands)) == (True, [], True)


def test_targets_and_kinds_of_build_do_not_share_files(root: Path) -> None:
    requests = [
        request(root),
        request(root, debug=True),
        request(root, target=triples.parse("aarch64-apple-darwin")),
    ]
    assert len({one.paths.folder for one in requests}) == 3
    plan = make(root)
    paths = plan.paths.chain("_ADD", plan.request.steps("_ADD"))
    assert len(set(paths)) == len(paths)
    assert paths[-1] == plan.paths.fragment("_ADD")


def test_the_first_lines_name_no_path(root: Path, tmp_path: Path) -> None:
    first, second = make(root, cflags=("-DX=a b",), cflags_text="'-DX=a b'", debug=True).request.first_lines()
    assert first.removeprefix("// ").isalnum()
    assert second.startswith("// $ scons target=x86_64-unknown-linux-gnu debug=1 cflags=")
    assert str(tmp_path) not in first + second


@pytest.mark.parametrize(
    ("file", "text", "error", "expected"),
    [
        ("executor_cases.c.h", "", CasesError, r"tree/executor_cases\.c\.h: no uop case in it"),
        ("template.c", '#include "a.h"\n', TemplateError, r"tree/template\.c: no CASE in it"),
    ],
)
def test_inputs_that_cannot_be_are_told_before_anything_runs(
    root: Path, file: str, text: str, error: type[Exception], expected: str
) -> None:
    (root / file).write_text(text)
    clang = ToyClang()
    with pytest.raises(error, match=expected):
        planner.make(request(root), clang)
    assert clang.commands == []


def test_a_uop_that_does_not_expand_has_no_key(root: Path) -> None:
    (root / "template.c").write_text('#include "missing.h"\nCASE\n')
    plan = make(root)
    assert plan.key("_ADD") is None

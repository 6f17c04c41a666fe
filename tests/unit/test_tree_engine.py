"""The tree's own passes: what counts for what, and numbers that become names."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch import fragment, merge, tree_engine, tree_fragment, tree_worker
from copypatch.errors import HolesFileError, TreeError
from copypatch.tree_engine import Settings, TreeEngine

FILES = {
    "_optimizers.py": "",
    "_stencils.py": "",
    "_targets.py": "".join(
        f"def {name}(): ...\n"
        for name in ("_build_stencils", "_build_stencil_group", "_build_shim_object", "_get_shim_unwind_info")
    ),
    "_writer.py": "".join(f"def {name}(): ...\n" for name in ("_dump_stencil", "_dump_footer", "dump_unwind_info")),
    "_dwarf.py": "",
    "_llvm.py": "",
    "build.py": "",
}


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("_optimizers.py", {"assembly"}),
        ("_stencils.py", {"fragment"}),
        ("_writer.py", {"fragment", "shim"}),
        ("_dwarf.py", {"shim"}),
        ("_targets.py", {"assembly", "fragment", "shim"}),
        ("build.py", set()),
        # What no release has may be used by any of them.
        ("_fork.py", {"assembly", "fragment", "shim"}),
        ("more/passes.py", {"assembly", "fragment", "shim"}),
    ],
)
def test_an_edit_counts_for_what_it_makes(tools: Path, file: str, changed: set[str]) -> None:
    before = tree_engine.passes(tools)
    (tools / file).parent.mkdir(exist_ok=True)
    (tools / file).write_text((FILES.get(file) or "") + "# edited\n")
    after = tree_engine.passes(tools)
    found = {name for name in ("assembly", "fragment", "shim") if getattr(before, name) != getattr(after, name)}
    assert found == changed


def test_only_what_has_all_functions_is_driven(tools: Path) -> None:
    assert tree_engine.can_drive(tools)
    (tools / "_writer.py").write_text("def _dump_stencil(): ...\n")
    assert not tree_engine.can_drive(tools)
    (tools / "_writer.py").unlink()
    assert not tree_engine.can_drive(tools)


def test_numbers_become_names() -> None:
    text = "    patch_trampoline(code + 0x40, {:#x}, state);\n    other(code + 0x1, got({:#x}, state) - 4);\n}}\n"
    numbered = [("0x40", "0xa0", "strlen"), ("0x41", "0xa1", "environ")]
    named = tree_worker._named(text.format(64, 65), text.format(160, 161), numbered)
    assert named == (
        "    patch_trampoline(code + 0x40, @ordinal(strlen)@, state);\n"
        "    other(code + 0x1, got(@ordinal(environ)@, state) - 4);\n}\n"
    )
    head = {"uop": "_A", "code_size": 1, "data_size": 2, "trampolines": ["strlen", "environ"], "group": ""}
    parsed = fragment.parse(fragment.headed(head, named), "_A.h")
    assert fragment.number(parsed, {"strlen": 9, "environ": 300}) == text.format(9, 300)


def test_masks_become_names() -> None:
    numbers, others = {"f": 64, "g": 65}, {"f": 160, "g": 161}
    group = "{{emit__A, 8, 16, {}, {{0}}}}"
    one, other = (group.format(merge.mask_of(["f", "g"], each)) for each in (numbers, others))
    named = tree_worker._named_masks(one, other, numbers, others)
    assert named == "{emit__A, 8, 16, @mask(f,g)@, {0}}"


@pytest.mark.parametrize(
    ("one", "other"),
    [("use(64)", "use(160)"), ("use(0x40)", "use(0xa1)"), ("use(0x40)", "use(0xa0, 0x1)"), ("a", "a\nb")],
)
def test_what_is_no_plain_number_is_refused(one: str, other: str) -> None:
    with pytest.raises(tree_worker._Refused):
        tree_worker._named(one, other, [("0x40", "0xa0", "f")])


def test_a_comment_is_never_numbered() -> None:
    text = "    // 0: '    f(code + 0x1, @ordinal(f)@, state);'\n"
    head = {"uop": "_A", "code_size": 1, "data_size": 2, "trampolines": ["f"], "group": ""}
    assert fragment.number(fragment.parse(fragment.headed(head, text), "_A.h"), {"f": 1}) == text


def test_a_damaged_file_is_told() -> None:
    made = {"code_size": 1, "data_size": 0, "symbols": [], "group": "{}", "text": "void\n"}
    assert "void" in tree_fragment.fragment_text(tree_fragment.dump("_A", made), "_A.holes.json")
    for text in ("", "{}", '{"format": 2}', "[1]", '{"format": 1, "uop": "_A"}'):
        with pytest.raises(HolesFileError, match=r"_A\.holes\.json: damaged .*; delete it and build again"):
            tree_fragment.fragment_text(text, "_A.holes.json")


def test_files_that_cannot_be_imported_are_one_message(tools: Path, tmp_path: Path) -> None:
    (tools / "_targets.py").write_text("import no_such_module\n")
    settings = Settings(tools, "x86_64-unknown-linux-gnu", False, "", tools, {}, {}, tmp_path / "bytecode")
    with pytest.raises(TreeError, match=r"its Python files cannot be used: _targets\.py:1: ModuleNotFoundError"):
        TreeEngine(settings).ask("fragment", [])


def test_a_worker_that_dies_is_one_message(tools: Path, tmp_path: Path) -> None:
    (tools / "_targets.py").write_text("import os\nos._exit(3)\n")
    settings = Settings(tools, "x86_64-unknown-linux-gnu", False, "", tools, {}, {}, tmp_path / "bytecode")
    with pytest.raises(TreeError, match="the process that runs its Python files ended"):
        TreeEngine(settings).ask("fragment", [])

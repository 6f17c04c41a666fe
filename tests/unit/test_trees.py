"""Telling trees apart, by small fakes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.test_tree_engine import FILES

from copypatch.errors import CopypatchError, OptionError, TreeError
from copypatch.relocations import patch_functions
from copypatch.trees import cpython_tree, embedded_tree
from copypatch.triples import parse

FILES_3_14 = {
    "Include/patchlevel.h": (
        "#define PY_MAJOR_VERSION        3\n#define PY_MINOR_VERSION 14\n#define PY_MICRO_VERSION 7\n"
    ),
    "Python/executor_cases.c.h": "        case _NOP: {\n        }\n",
    "Python/jit.c": "void\npatch_aarch64_12(unsigned char *location, uint64_t value)\n{\n}\n",
    "Tools/jit/build.py": "",
    "Tools/jit/_targets.py": "for filename in sorted(filenames):\n",
    "Tools/jit/_llvm.py": "_LLVM_VERSION = 19\n",
    "Tools/jit/template.c": '#include "Python.h"\n#define PATCH_JUMP(ALIAS)\nCASE\n',
    "Tools/jit/shim.c": "",
    "pyconfig.h": "",
}
FILES_3_13 = FILES_3_14 | {
    "Include/patchlevel.h": FILES_3_14["Include/patchlevel.h"].replace("14", "13").replace("7", "15"),
    "Tools/jit/template.c": '#include "Python.h"\n#include "executor_cases.c.h"\n',
    "Tools/jit/trampoline.c": "",
}
del FILES_3_13["Tools/jit/shim.c"]


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def without(files: dict[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in files.items() if name not in names}


def test_a_3_14_tree(tmp_path: Path) -> None:
    tree = cpython_tree(make(tmp_path, FILES_3_14), None)
    assert (tree.version, tree.dialect.name, tree.dialect.entry, tree.dialect.llvm) == (
        "3.14.7",
        "3.14",
        "shim",
        19,
    )
    assert tree.sources.pyconfig == tmp_path.resolve()


def test_the_llvm_that_a_tree_asks_for_is_its_own(tmp_path: Path) -> None:
    files = FILES_3_14 | {"Tools/jit/_llvm.py": '_LLVM_VERSION = "20"\n'}
    assert cpython_tree(make(tmp_path, files), None).dialect.llvm == 20


def test_a_3_13_tree_is_told_by_its_patch_functions(tmp_path: Path) -> None:
    late = cpython_tree(make(tmp_path / "late", FILES_3_13), None)
    # 3.13.5: the function is there. A mention is no definition.
    early_jit = "void\npatch_aarch64_33rx(unsigned char *location, uint64_t value)\n{\n}\n"
    early = cpython_tree(make(tmp_path / "early", FILES_3_13 | {"Python/jit.c": early_jit}), None)
    mention = "    // see patch_aarch64_33rx(\n        patch_aarch64_33rx(location, value);\n"
    quoting = cpython_tree(make(tmp_path / "quoting", FILES_3_13 | {"Python/jit.c": mention}), None)
    assert [tree.dialect.name for tree in (late, early, quoting)] == ["3.13"] * 3
    assert [tree.dialect.text.fold_pairs for tree in (late, early, quoting)] == [False, True, False]
    assert early.dialect.stencil.patch_functions == patch_functions("3.13", paired=True)
    assert late.version == "3.13.15"
    assert late.sources.entry.name == "trampoline.c"


def test_pyconfig_can_be_elsewhere(tmp_path: Path) -> None:
    root = make(tmp_path / "tree", without(FILES_3_14, "pyconfig.h"))
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "pyconfig.h").touch()
    assert cpython_tree(root, tmp_path / "build").sources.pyconfig == (tmp_path / "build").resolve()
    for folder in (None, root / "Include"):
        with pytest.raises(OptionError, match=r"pyconfig=.*: no pyconfig\.h there; run \./configure --enable-exp"):
            cpython_tree(root, folder)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (None, r"cpython=\S*tree: no such folder"),
        ({}, r"cpython=\S*: not a CPython source tree \(no version in Include/patchlevel\.h\); give the folder"),
        ({"Include/patchlevel.h": "#define PY_MAJOR_VERSION 3\n"}, "not a CPython source tree"),
        (
            without(FILES_3_14, "Tools/jit/build.py"),
            r"cpython=\S*: CPython 3\.14\.7 without Tools/jit/build\.py, so it has no JIT; the JIT came with 3\.13",
        ),
        (
            without(FILES_3_14, "Tools/jit/template.c"),
            r"CPython 3\.14\.7 without Tools/jit/template\.c; is the tree",
        ),
        (
            without(FILES_3_14, "Python/executor_cases.c.h"),
            r"without Python/executor_cases\.c\.h; is the tree whole",
        ),
        # 3.15 has an assembly optimiser.
        (
            FILES_3_14 | {"Tools/jit/_optimizers.py": ""},
            r"CPython 3\.14\.7 has a JIT of a dialect that copypatch does not know; it knows those of 3\.13",
        ),
        (without(FILES_3_14, "Tools/jit/shim.c"), "a dialect that copypatch does not know"),
        (FILES_3_14 | {"Tools/jit/template.c": "CASE\n"}, "a dialect that copypatch does not know"),
    ],
)
def test_what_is_no_tree_of_ours_is_told(tmp_path: Path, files: dict[str, str] | None, expected: str) -> None:
    root = tmp_path / "tree"
    if files is not None:
        root.mkdir()
        make(root, files)
    with pytest.raises(TreeError, match=expected):
        cpython_tree(root, None)


def test_3_15_is_told_by_the_passes_that_can_be_run(tmp_path: Path) -> None:
    tools = {f"Tools/jit/{name}": text for name, text in FILES.items()}
    files = {**FILES_3_14, **tools, "Tools/jit/_llvm.py": '_LLVM_VERSION = "21"\n'}
    tree = cpython_tree(make(tmp_path, files), None)
    assert (tree.dialect.name, tree.dialect.llvm) == ("3.15", 21)
    assert tree.dialect.passes is not None
    targets = [parse("x86_64-pc-linux-gnu"), parse("aarch64-apple-darwin24.1")]
    assert [tree.dialect.canonical(target).triple for target in targets] == [
        "x86_64-unknown-linux-gnu",
        "aarch64-apple-darwin",
    ]


EMBEDDED = ("executor_cases.c.h", "template.c", "shim.c")


@pytest.mark.parametrize("missing", EMBEDDED)
def test_embedded_templates_with_a_file_missing_are_told(tmp_path: Path, missing: str) -> None:
    make(tmp_path, dict.fromkeys((name for name in EMBEDDED if name != missing), ""))
    with pytest.raises(CopypatchError, match=rf"{tmp_path}: no {missing} there, so these are no uop templates"):
        embedded_tree(tmp_path)


def test_our_own_templates_are_embedded_ones() -> None:
    tree = embedded_tree(Path(__file__).parents[2] / "uop_templates")
    assert tree.version == "embedded"
    # Whatever LLVM there is, as long as it is new enough.
    assert tree.dialect.llvm is None

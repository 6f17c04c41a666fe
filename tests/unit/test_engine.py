"""Whose code makes the stencils of a tree: what engine= says, and what auto makes of a generator."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from copypatch import releases
from copypatch.dialects import cpython
from copypatch.engine import Choice, Engine, choose
from copypatch.errors import TreeError

FILES = {
    "_schema.py": "one",
    "_stencils.py": "two",
    "_targets.py": "def get_target(): ...\ndef _build_stencils(): ...\n",
    "_writer.py": "def dump(): ...\ndef _dump_stencil(): ...\n",
}


def digests(files: dict[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A generator that is that of the second of two releases, with what is beside it in a tree."""
    other = {**FILES, "_schema.py": "the other's"}
    proved = {"3.14.98": digests(other), "3.14.99": digests(FILES)}
    monkeypatch.setattr(releases, "PROVED", {"3.14": proved})
    beside = {"build.py": "", "_llvm.py": "", "template.c": "", "__pycache__/_schema.py": "", "x.pyc": ""}
    for name, text in {**FILES, **beside}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def chosen(tools: Path, wanted: Engine = Engine.AUTO, dialect: str = "3.14") -> Choice:
    return choose(wanted, dialect, cpython.LAYOUT, tools)


def test_a_release_that_is_proved_needs_nothing_of_the_tree(tools: Path) -> None:
    assert chosen(tools) == Choice(None)
    assert chosen(tools, Engine.NATIVE) == Choice(None)
    by_the_tree = chosen(tools, Engine.TREE)
    assert by_the_tree.passes is not None
    assert by_the_tree.passes.tools == tools
    # Who asks for it knows.
    assert by_the_tree.note == ""


@pytest.mark.parametrize("name", ["build.py", "_llvm.py", "template.c", "__pycache__/_schema.py", "x.pyc"])
def test_what_makes_no_stencil_makes_no_difference(tools: Path, name: str) -> None:
    (tools / name).write_text("edited")
    assert chosen(tools) == Choice(None)
    (tools / name).unlink()
    assert chosen(tools) == Choice(None)


@pytest.mark.parametrize("name", [*FILES, "_fork.py", "json/__init__.py"])
def test_a_file_of_no_release_is_run_and_named(tools: Path, name: str) -> None:
    (tools / name).parent.mkdir(exist_ok=True)
    (tools / name).write_text(f"{FILES.get(name, '')}\n# edited\n")
    choice = chosen(tools)
    assert choice.passes == chosen(tools, Engine.TREE).passes
    assert choice.note == (
        f"Tools/jit/{name}: of no release that copypatch's own code is proved on (3.14.98, 3.14.99), so the tree's "
        "Python files make the stencils (engine=tree)"
    )
    # Said is said.
    assert chosen(tools, Engine.NATIVE) == Choice(None)


def test_files_of_two_releases_are_no_release(tools: Path) -> None:
    (tools / "_schema.py").write_text("the other's")
    assert chosen(tools) == Choice(None)
    (tools / "_stencils.py").write_text("three")
    assert chosen(tools).note.startswith("Tools/jit/_stencils.py: of no release")
    (tools / "_stencils.py").write_text(FILES["_stencils.py"])
    (tools / "_schema.py").unlink()
    choice = chosen(tools)
    assert choice.passes is not None
    assert choice.note.startswith("Tools/jit: together of no one release that")


def test_a_generator_that_cannot_be_run_is_refused(tools: Path) -> None:
    (tools / "_writer.py").write_text("def dump_all(): ...\n")
    for wanted in (Engine.AUTO, Engine.TREE):
        with pytest.raises(
            TreeError,
            match=rf"^engine={wanted}: .* of no release .* for want of dump\(\) in _writer\.py, _dump_stencil\(\) "
            r"in _writer\.py; engine=native makes the stencils by copypatch's rules",
        ):
            chosen(tools, wanted)
    assert chosen(tools, Engine.NATIVE) == Choice(None)


def test_a_tree_without_a_generator_is_ours(tools: Path) -> None:
    for name in FILES.keys() - {"_targets.py"}:
        (tools / name).unlink()
    (tools / "_targets.py").write_text("")
    assert chosen(tools) == Choice(None)
    with pytest.raises(TreeError, match=r"engine=tree: .*for want of get_target\(\) in _targets\.py"):
        chosen(tools, Engine.TREE)


def test_without_code_of_ours_it_is_the_trees(tools: Path) -> None:
    choice = chosen(tools, dialect="3.99")
    assert choice == chosen(tools, Engine.TREE, "3.99")
    assert choice.passes is not None
    assert choice.note == ""
    with pytest.raises(
        TreeError, match=r"^engine=native: .* is of 3\.99 or later, .*; copypatch has no code of its own"
    ):
        chosen(tools, Engine.NATIVE, "3.99")

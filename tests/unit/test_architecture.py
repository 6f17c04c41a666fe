"""The rules about imports that keep the library readable: who may import whom, and who may know SCons."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = _ROOT / "site_scons" / "copypatch"

# From the leaves to the adapters; a module imports from its own level or one in front of it.
_LEVELS = (
    # leaves
    (
        "errors",
        "files",
        "keys",
        "process",
        "triples",
        "relocations",
        "far_calls",
        "console",
        "folder_lock",
        "jobserver",
        "ahead",
        "records",
        "revision",
        "timeline",
        "marks",
        "tree_worker",
        "tree_engine",
        "releases",
    ),
    # parsing
    ("cases", "template", "depfile", "sections", "readobj", "disassembly", "holes", "diagnostics", "explain"),
    ("stencil", "holes_file"),
    ("fragment", "emitted"),
    ("merge", "listing"),
    ("tree_fragment",),
    ("comparison",),
    ("difference",),
    ("dialects",),
    # what is known before anything is built
    (
        "engine",
        "toolchain",
        "trees",
        "tree_flags",
        "variables",
        "expansion",
        "identity",
        "stages",
        "cache",
        "report",
        "cache_report",
        "manifest",
        "paths",
    ),
    ("plan",),
    ("prefix", "progress", "shards", "context", "freshness", "compile", "compile_step", "assemble", "shim"),
    ("dispatchers",),
    ("target_header",),
    ("steps",),
    ("graph", "ninja"),
    # adapters
    ("session", "verify"),
    ("build",),
    ("generator",),
    ("embedding",),
    # what people look at
    ("inline", "history", "compile_commands"),
    ("baseline", "show"),
    ("report_data",),
    ("html_report",),
    ("ninja_file",),
    ("ninja_run",),
)


def module_name(path: Path) -> str:
    """A module's name within the package; the dialects count as one."""
    name = path.relative_to(_PACKAGE).with_suffix("").parts[0]
    return "" if name == "__init__" else name


def imports(path: Path) -> Iterator[str]:
    """The dotted names of the modules that a file imports, late imports among them."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from copypatch import stencil` imports a module by its name.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


_FILES = sorted(path for path in _PACKAGE.rglob("*.py"))
_MODULES = {module_name(path) for path in _FILES} - {""}


def own_imports() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in _MODULES}
    for path in _FILES:
        if name := module_name(path):
            parts = (one.split(".") for one in imports(path))
            found[name] |= {one[1] for one in parts if one[0] == "copypatch" and len(one) > 1} & _MODULES - {name}
    return found


def test_only_the_tool_and_the_sconstruct_know_scons() -> None:
    knowing = {
        path.relative_to(_ROOT).parts[:2]
        for path in [*_ROOT.glob("*.py"), _ROOT / "SConstruct", *_ROOT.glob("site_scons/**/*.py")]
        if any(name.split(".")[0] == "SCons" for name in imports(path))
    }
    assert knowing == {("SConstruct",), ("site_scons", "site_tools")}


def test_imports_point_one_way() -> None:
    level = {name: index for index, names in enumerate(_LEVELS) for name in names}
    assert level.keys() >= _MODULES, "a new module: give it its level"
    upward = [
        f"{name} imports {other}"
        for name, others in own_imports().items()
        for other in others
        if level[other] > level[name]
    ]
    assert upward == []


def test_there_is_no_cycle() -> None:
    graph = own_imports()
    while leaves := [name for name, others in graph.items() if not others & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert graph == {}, "these import each other"


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.relative_to(_PACKAGE).as_posix())
def test_no_assert_checks_input(path: Path) -> None:
    found = [node.lineno for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Assert)]
    assert found == []


def test_the_toolchain_needs_the_standard_library_alone() -> None:
    # bootstrap.py uses it before anything is installed.
    roots = {name.split(".")[0] for name in imports(_PACKAGE / "toolchain.py")}
    assert roots - sys.stdlib_module_names == {"copypatch"}
    assert own_imports()["toolchain"] == {"errors"}

"""The tree's own passes: what counts for what, and numbers that become names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from copypatch import fragment, merge, tree_engine, tree_fragment
from copypatch.dialects import cpython, cpython_3_13, cpython_3_15
from copypatch.errors import HolesFileError, TreeError
from copypatch.tree_engine import Layout, Settings, TreeEngine, TreePasses
from copypatch.tree_worker import Refused, numbering

FILES = {
    "_optimizers.py": "",
    "_stencils.py": "",
    "_targets.py": "".join(f"def {name}(): ...\n" for name in cpython_3_15.LAYOUT.called["_targets.py"]),
    "_writer.py": "".join(f"def {name}(): ...\n" for name in cpython_3_15.LAYOUT.called["_writer.py"]),
    "_dwarf.py": "",
    "_llvm.py": "",
    "build.py": "",
}


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def passes(tools: Path, layout: Layout) -> TreePasses:
    return tree_engine.passes(tools, layout, tree_engine.python_files(tools))


ALL = {"assembly", "fragment", "shim"}


@pytest.mark.parametrize(
    ("file", "since_3_15", "before"),
    [
        ("_optimizers.py", {"assembly"}, {"fragment"}),
        ("_stencils.py", {"fragment"}, {"fragment"}),
        ("_writer.py", {"fragment", "shim"}, {"fragment"}),
        ("_dwarf.py", {"shim"}, {"fragment"}),
        ("_targets.py", ALL, {"fragment"}),
        ("build.py", set(), set()),
        ("_llvm.py", set(), set()),
        # What no release has may be used by any of them.
        ("_fork.py", ALL, {"fragment"}),
        ("more/passes.py", ALL, {"fragment"}),
        ("__pycache__/_targets.py", set(), set()),
    ],
)
def test_an_edit_counts_for_what_it_makes(tools: Path, file: str, since_3_15: set[str], before: set[str]) -> None:
    expected = [(cpython_3_15.LAYOUT, since_3_15), (cpython.LAYOUT, before)]
    old = [passes(tools, layout) for layout, _ in expected]
    (tools / file).parent.mkdir(exist_ok=True)
    (tools / file).write_text((FILES.get(file) or "") + "# edited\n")
    for known, (layout, changed) in zip(old, expected, strict=True):
        new = passes(tools, layout)
        assert {name for name in ALL if getattr(known, name) != getattr(new, name)} == changed


def test_only_what_has_all_functions_is_driven(tools: Path) -> None:
    assert tree_engine.lacking(tools, cpython_3_15.LAYOUT) == []
    assert tree_engine.lacking(tools, cpython.LAYOUT) == []
    (tools / "_writer.py").write_text("def _dump_stencil(): ...\n")
    assert tree_engine.lacking(tools, cpython.LAYOUT) == ["dump() in _writer.py"]
    (tools / "_writer.py").unlink()
    assert tree_engine.lacking(tools, cpython.LAYOUT) == ["_writer.py"]


def test_an_editors_lock_beside_a_file_is_no_file(tools: Path) -> None:
    (tools / ".#_stencils.py").symlink_to("someone@somewhere.1234")
    assert tree_engine.python_files(tools).keys() == FILES.keys()


def test_numbers_become_names() -> None:
    text = "    patch_trampoline(code + 0x40, {:#x}, state);\n    other(code + 0x1, got({:#x}, state) - 4);\n}}\n"
    numbered = [("strlen", 64, 160), ("environ", 65, 161)]
    named = numbering.named(text.format(64, 65), text.format(160, 161), numbered)
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
    named = numbering.named_masks(one, other, numbers, others)
    assert named == "{emit__A, 8, 16, @mask(f,g)@, {0}}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("use(64)", "use(160)"),
        ("use(0x40)", "use(0xa1)"),
        ("use(0x40)", "use(0xa0, 0x1)"),
        ("a", "a\nb"),
        ("use(0x40, 0x40)", "use(0xa0, 0xa0)"),
    ],
)
def test_what_is_no_plain_number_is_refused(one: str, other: str) -> None:
    with pytest.raises(Refused):
        numbering.named(one, other, [("f", 64, 160)])


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


def settings(tools: Path, folder: Path, **more: object) -> Settings:
    """What a worker is told, as far as these tests need it."""
    said: dict[str, Any] = {"triple": "x86_64-unknown-linux-gnu", "entry": "", "debug": False, "cflags": ""}
    said |= {"pyconfig": tools, "arguments": {}, "edits": {}, "programs": {}, "bytecode": folder / "bytecode"}
    return Settings(**{**said, "passes": passes(tools, cpython.LAYOUT), **more})


def test_files_that_cannot_be_imported_are_one_message(tools: Path, tmp_path: Path) -> None:
    (tools / "_targets.py").write_text("import no_such_module\n")
    with pytest.raises(TreeError, match=r"its Python files cannot be used: _targets\.py:1: ModuleNotFoundError"):
        TreeEngine(settings(tools, tmp_path)).ask("fragment", [])


def test_a_worker_that_dies_is_one_message(tools: Path, tmp_path: Path) -> None:
    (tools / "_targets.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(TreeError, match="the process that runs its Python files ended"):
        TreeEngine(settings(tools, tmp_path)).ask("fragment", [])


# A generator in small, with 3.13's detour over LLVM IR.
GENERATOR = {
    "_llvm.py": "",
    "_stencils.py": "",
    "_targets.py": """
import pathlib, tempfile, types
import _llvm

TOOLS_JIT_TEMPLATE_C = pathlib.Path(__file__).with_name("template.c")


class Target:
    def __init__(self):
        self.made = []

    async def _build_stencils(self):
        with tempfile.TemporaryDirectory() as folder:
            ll = pathlib.Path(folder, "_A.ll")
            flags = ["-I.", "-O3", "-c"]
            await _llvm.run("clang", [*flags, "-S", "-o", f"{ll}", f"{TOOLS_JIT_TEMPLATE_C}"])
            ll.write_text(ll.read_text().replace("call", "call ghccc"))
            await _llvm.run("clang", [*flags, "-o", f"{folder}/_A.o", f"{ll}"])
            text = await _llvm.run("llvm-readobj", ["--all", f"{folder}/_A.o"])
        self.made.append(text)
        part = types.SimpleNamespace(body="".join(self.made).encode())
        return {"_A": types.SimpleNamespace(code=part, data=part, as_c=lambda opname: "{emit_" + opname + "}")}


def get_target(triple):
    return Target()
""",
    "_writer.py": """
def _dump_stencil(opname, group):
    yield f"// {opname}: {group.code.body.decode()}"


def dump(groups):
    yield "// first"
    for opname, group in groups.items():
        yield from _dump_stencil(opname, group)
    yield from (group.as_c(opname) for opname, group in groups.items())
""",
}


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    for name, text in GENERATOR.items():
        (tmp_path / name).write_text(text)
    for printed in ("json", "dis"):
        (tmp_path / printed).write_text(f"the {printed}")
    return tmp_path


def test_files_that_change_meanwhile_are_told(generator: Path) -> None:
    known = settings(generator, generator)
    (generator / "_writer.py").write_text((generator / "_writer.py").read_text() + "# edited\n")
    with pytest.raises(TreeError, match="a file was changed while the build ran; run it again"):
        TreeEngine(known).ask("fragment", [])


def test_an_edit_of_the_same_size_and_time_is_seen(generator: Path) -> None:
    writer = generator / "_writer.py"
    state = writer.stat()
    for text in ("// first", "// tsrif"):
        writer.write_text(writer.read_text().replace("// first", text))
        os.utime(writer, ns=(state.st_atime_ns, state.st_mtime_ns))
        reply = TreeEngine(settings(generator, generator)).ask_one("header", {}, {})
        assert reply["lines"] == [text]
    assert len(list((generator / "bytecode").iterdir())) == 1


def ask(generator: Path, **more: object) -> Mapping[str, Any]:
    """Let a worker make a fragment by that generator."""
    flags = [f"-I{generator}", "-O3"]
    arguments = {".ll": [*flags, "-S"], ".o": flags, "llvm-readobj": ["--all"]}
    edits = {".ll": ("call x", "call ghccc x")}
    engine = TreeEngine(settings(generator, generator, **{"arguments": arguments, "edits": edits, **more}))
    each = ["_A", str(generator / "json"), str(generator / "dis")]
    one, other = engine.ask_one("fragment", *each), engine.ask_one("fragment", *each)
    assert one == other, "none finds what the one before it has left"
    return one


def test_a_generator_without_numbers_is_driven(generator: Path) -> None:
    made = ask(generator)
    assert made["text"] == "// _A: the json\n"
    assert (made["code_size"], made["symbols"], made["group"]) == (8, [], "{emit__A}")
    engine = TreeEngine(settings(generator, generator))
    reply = engine.ask_one("header", {"_A": "{one}", "_B": "{two}"}, {})
    assert reply["lines"] == ["// first", "@fragment(_A)@", "@fragment(_B)@", "{one}", "{two}"]
    # The tree is left as it is.
    assert not list(generator.glob("__pycache__"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"edits": {".ll": ("call x", "call fastcc x")}}, r"makes other changes to \.ll files than copypatch"),
        (
            {"arguments": {".ll": ["-I.", "-O2"]}},
            r"other flags for \.ll files .*\(it has .*-O3, and lacks .*-O2, or their order",
        ),
    ],
)
def test_what_is_done_otherwise_is_refused(generator: Path, more: Mapping[str, object], expected: str) -> None:
    with pytest.raises(TreeError, match=expected):
        ask(generator, **more)


def test_a_header_without_a_uop_is_refused(generator: Path) -> None:
    writer = generator / "_writer.py"
    writer.write_text(writer.read_text().replace("in groups.items():\n", "in [*groups.items()][1:]:\n"))
    with pytest.raises(TreeError, match="writes a header without some uop"):
        TreeEngine(settings(generator, generator)).ask_one("header", {"_A": "{one}", "_B": "{two}"}, {})


def test_the_sample_of_the_detour_holds_all_that_is_edited() -> None:
    step = cpython_3_13._IR_STEPS[0]
    assert step.edit is not None
    edited = step.edit(step.sample).split("\n")
    changed = [new for old, new in zip(step.sample.split("\n"), edited, strict=True) if old != new]
    assert len(changed) == 6
    assert all(line.count("ghccc") == 1 for line in changed)


# What a fork's writer may keep: nothing of consequence, and what makes one uop depend on those before it.
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("cache = {}\n\n\ndef line(text): return cache.setdefault(text, text)\n", ""),
        ("seen = []\n\n\ndef line(text): seen.append(text); return f'{len(seen)} {text}'\n", "seen"),
        (
            "import itertools\ncount = itertools.count()\n\n\ndef line(text): return f'{next(count)} {text}'\n",
            "count",
        ),
        ("def line(text): line.n = getattr(line, 'n', 0) + 1; return f'{line.n} {text}'\n", "line"),
        ("def line(text, seen=[]): seen.append(text); return f'{len(seen)} {text}'\n", "line"),
        (
            "class Line:\n    n = 0\n\n\ndef line(text): Line.n += 1; return f'{Line.n} {text}'\n",
            "Line.n",
        ),
    ],
)
def test_what_is_kept_between_uops_is_found(generator: Path, text: str, named: str) -> None:
    writer = generator / "_writer.py"
    writer.write_text(text + writer.read_text().replace('yield f"// {opname}', 'yield line("//") + f" {opname}'))
    if not named:
        assert ask(generator)["text"] == "// _A: the json\n"
        return
    with pytest.raises(TreeError, match=rf"make of _A depends on _writer\.{named}, which is kept from one uop to"):
        ask(generator)

"""Each mistake of a user is one clear message and a non-zero exit, and the header that is there stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import trees
from support.clang import program, replaced
from support.scons import Done, Scons, snapshot

pytestmark = pytest.mark.build

CASES = "Python/executor_cases.c.h"
TEMPLATE = "Tools/jit/template.c"


@dataclass(frozen=True)
class Fixed:
    """A finished build of minitree, whose headers no mistake may touch."""

    scons: Scons
    tree: Path
    out: Path
    before: dict[str, tuple[bytes, int]] = field(default_factory=dict)

    def refuses(self, *words: str, **variables: str | Path) -> Done:
        """Run scons, which must fail with one message of ours that holds all *words*."""
        done = self.scons(**variables)
        assert done.status != 0, done.output
        assert not done.has_traceback, done.output
        message = [line for line in done.output.splitlines() if "copypatch: " in line and " uops: " not in line]
        assert message, done.output
        for word in words:
            assert word in done.output, f"{word!r} is not in:\n{done.output}"
        assert snapshot(self.out) == self.before, f"a header was touched:\n{done.output}"
        return done

    def says_once(self, *words: str, **variables: str | Path) -> None:
        """The same, where there must be exactly one message."""
        done = self.refuses(*words, **variables)
        assert done.output.count("copypatch: ") == 1, done.output


@pytest.fixture(scope="module")
def built(home: Path, tmp_path_factory: pytest.TempPathFactory, llvm_19: Path) -> Fixed:
    """One build for all tests here."""
    folder = tmp_path_factory.mktemp("built")
    tree, out = trees.make(folder / "tree", "3.14"), folder / "out"
    scons = Scons(home, variables={"out": out, "cpython": tree, "llvm": llvm_19})
    scons.ok()
    return Fixed(scons, tree, out, snapshot(out))


@pytest.fixture
def fixed(built: Fixed) -> Iterator[Fixed]:
    """The build, whose tree a test may harm."""
    if snapshot(built.out) != built.before:
        # A test failed and has left its marks.
        built.scons.ok("-c")
        built.scons.ok()
    yield Fixed(built.scons, built.tree, built.out, snapshot(built.out))
    shutil.rmtree(built.tree, ignore_errors=True)
    trees.make(built.tree, "3.14")


# -- LLVM ----------------------------------------------------------------------------------------------------------


def test_a_prefix_without_clang(fixed: Fixed, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    fixed.says_once("no LLVM 19", f"llvm={empty}", "apt install clang-19 llvm-19", "llvm=N or llvm=DIR", llvm=empty)


def test_a_version_that_is_not_there(fixed: Fixed) -> None:
    fixed.says_once("no LLVM 39 found", "apt install clang-39 llvm-39", llvm="39")


def test_no_llvm_anywhere(fixed: Fixed, tmp_path: Path) -> None:
    """The embedded templates, with nothing on PATH; LLVM's wheels in this Python's environment count as well."""
    scons = Scons(fixed.scons.home, variables={"out": fixed.out}, environ={"PATH": str(tmp_path)})
    done = scons()
    if done.status == 0:
        pytest.skip("there is an LLVM beside this Python or in /usr/lib, where it is found without PATH")
    assert not done.has_traceback
    assert "copypatch: no LLVM 19 or newer found" in done.output
    assert "apt install clang-19 llvm-19" in done.output
    assert snapshot(fixed.out) == fixed.before


def test_the_wrong_major_version(fixed: Fixed, tmp_path: Path) -> None:
    prefix = tmp_path / "old"
    clang = program(prefix, "clang", 'echo "Debian clang version 17.0.6 (12)"\n')
    fixed.says_once(f"{clang} is version 17.0.6", "apt install clang-19 llvm-19", llvm=prefix)


def test_the_major_version_that_another_release_asks_for(fixed: Fixed, llvm_18: Path) -> None:
    fixed.says_once(f"{llvm_18 / 'bin' / 'clang'} is version 18.", "apt install clang-19", llvm=llvm_18)


def test_apples_clang(fixed: Fixed, tmp_path: Path) -> None:
    prefix = tmp_path / "apple"
    clang = program(prefix, "clang", 'echo "Apple clang version 16.0.0 (clang-1600.0.26.3)"\n')
    fixed.says_once(f"{clang} is Apple clang 16.0.0", "brew install llvm@19", llvm=prefix)


def test_a_clang_that_does_not_run(fixed: Fixed, tmp_path: Path) -> None:
    prefix = tmp_path / "broken"
    clang = program(prefix, "clang", "exit 127\n")
    fixed.says_once(f"{clang} is not a working clang", llvm=prefix)


def test_clang_without_the_other_tools(fixed: Fixed, tmp_path: Path) -> None:
    prefix = tmp_path / "lonely"
    clang = program(prefix, "clang", 'echo "clang version 19.1.7"\n')
    fixed.says_once(
        f"{clang} is version 19.1.7, but has no llvm-readobj and no llvm-objdump beside it", llvm=prefix
    )


# -- Options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"target": "riscv64-unknown-linux-gnu"}, ["target=riscv64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]),
        ({"target": "x86_64"}, ["target=x86_64: unknown target triple", "aarch64-apple-darwin"]),
        ({"target": ","}, ["target=", "names no triple"]),
        ({"target": "x86_64-unknown-linux-gnu,x86_64-unknown-linux-gnu"}, ["named twice"]),
        ({"colour": "red"}, ["colour=", "no such variable", "cpython, pyconfig, target"]),
        ({"debug": "2"}, ["debug=2", "debug=0 or debug=1"]),
        ({"debug": ""}, ["debug=", "debug=0 or debug=1"]),
        ({"cflags": "-DX='unclosed"}, ["cflags=-DX='unclosed", "quot"]),
        ({"engine": "ours"}, ["engine=ours", "engine=auto or engine=native or engine=tree"]),
        # Its Python files are stand-ins.
        ({"engine": "tree"}, ["engine=tree", "cannot be run", "_writer.py; engine=native makes the stencils"]),
        ({"llvm": "newest"}, ["llvm=newest", "neither a version number nor a folder"]),
    ],
    ids=lambda value: (
        next(iter(value.items()))[0] + "=" + next(iter(value.values())) if isinstance(value, dict) else ""
    ),
)
def test_an_unknown_variable_or_value(fixed: Fixed, variables: dict[str, str], words: list[str]) -> None:
    fixed.says_once(*words, **variables)


def test_pyconfig_without_a_tree(fixed: Fixed) -> None:
    scons = Scons(fixed.scons.home, variables={"out": fixed.out})
    done = scons(pyconfig=fixed.tree)
    assert done.status != 0
    assert "copypatch: pyconfig=" in done.output
    assert "cpython=DIR" in done.output
    assert not done.has_traceback


def test_the_engine_of_a_tree_without_one(fixed: Fixed) -> None:
    scons = Scons(fixed.scons.home, variables={"out": fixed.out})
    done = scons(engine="tree")
    assert done.status != 0
    assert "copypatch: engine=tree: embedded: these templates come without a generator" in done.output
    assert "leave engine= out" in done.output
    assert not done.has_traceback


def test_an_unknown_target_to_build(fixed: Fixed) -> None:
    done = fixed.scons("no-such-target")
    assert done.status != 0
    assert "no-such-target" in done.output
    assert not done.has_traceback
    assert snapshot(fixed.out) == fixed.before


def test_a_flag_that_clang_does_not_know(fixed: Fixed) -> None:
    fixed.refuses("--no-such-flag", cflags="--no-such-flag")


# -- Trees ---------------------------------------------------------------------------------------------------------


def _remove(*names: str) -> Callable[[Path], None]:
    def remove(tree: Path) -> None:
        for name in names:
            path = tree / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def _write(name: str, text: str = "") -> Callable[[Path], None]:
    def write(tree: Path) -> None:
        (tree / name).write_text(text, encoding="utf-8")

    return write


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda tree: trees.edit(tree / name, old, new)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        pytest.param(_remove("."), ["cpython=", "no such folder"], id="nothing there"),
        pytest.param(_remove("Include"), ["not a CPython source tree", "Include/patchlevel.h"], id="not CPython"),
        pytest.param(_write("Include/patchlevel.h"), ["not a CPython source tree"], id="no version"),
        pytest.param(_remove("Tools"), ["CPython 3.14.99 without Tools/jit/build.py", "no JIT"], id="no JIT"),
        pytest.param(_remove(CASES), ["without Python/executor_cases.c.h"], id="no cases"),
        pytest.param(_remove(TEMPLATE), ["without Tools/jit/template.c"], id="no template"),
        pytest.param(
            _remove("Tools/jit/shim.c"), ["3.14.99", "dialect", "3.13, 3.14 and 3.15"], id="unknown dialect"
        ),
        pytest.param(
            _remove("pyconfig.h"), ["no pyconfig.h", "./configure --enable-experimental-jit"], id="pyconfig.h"
        ),
        pytest.param(
            _write(CASES, "// nothing\n"), ["executor_cases.c.h: no uop case in it", "case NAME: {"], id="no case"
        ),
        pytest.param(
            _write(CASES, "    case _ADD: {\n    }\n"),
            ["no uop case in it", "eight spaces"],
            id="a case of another form",
        ),
        pytest.param(
            _edit(CASES, "case _FAIL: {", "case _ADD: {"),
            ["executor_cases.c.h:121: a second case of _ADD; the first is at line 32"],
            id="a case twice",
        ),
        pytest.param(
            _edit(CASES, "            JUMP_TO_ERROR();\n            break;\n        }\n", "            break;\n"),
            ["executor_cases.c.h:121: the case of _FAIL never ends", "eight spaces"],
            id="a case that never ends",
        ),
        pytest.param(
            _edit(CASES, "            break;\n        }\n\n#undef TIER_TWO", "            break;\n#undef TIER_TWO"),
            ["executor_cases.c.h:126: the case of _WARN never ends"],
            id="the last case never ends",
        ),
        pytest.param(_edit(TEMPLATE, "        CASE\n", ""), ["template.c: no CASE in it", "CASE"], id="no CASE"),
    ],
)
def test_a_tree_that_cannot_be_used(fixed: Fixed, harm: Callable[[Path], None], words: list[str]) -> None:
    harm(fixed.tree)
    fixed.says_once(str(fixed.tree), *words)


def test_a_file_as_the_tree(fixed: Fixed, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("", encoding="utf-8")
    fixed.says_once(f"cpython={path}", cpython=path)


def test_a_pyconfig_folder_without_it(fixed: Fixed, tmp_path: Path) -> None:
    fixed.says_once(f"pyconfig={tmp_path}: no pyconfig.h there", "configure", pyconfig=tmp_path)


@pytest.fixture
def fixed_3_13(home: Path, minitree: Callable[[str], Path], out: Path, llvm_18: Path) -> Fixed:
    tree = minitree("3.13")
    scons = Scons(home, variables={"out": out, "cpython": tree, "llvm": llvm_18})
    scons.ok()
    return Fixed(scons, tree, out, snapshot(out))


def test_a_3_13_template_without_its_include(fixed_3_13: Fixed) -> None:
    trees.edit(fixed_3_13.tree / TEMPLATE, '#include "executor_cases.c.h"\n', "")
    fixed_3_13.says_once(str(fixed_3_13.tree), "dialect")


def test_two_targets_for_3_13(fixed_3_13: Fixed) -> None:
    both = "x86_64-unknown-linux-gnu,x86_64-pc-linux-gnu"
    fixed_3_13.says_once(f"target={both}", "one at a time", target=both)


# -- Uops ----------------------------------------------------------------------------------------------------------


def test_a_uop_that_does_not_compile(fixed: Fixed) -> None:
    line = trees.add_case(fixed.tree, "_NEW_1", "            no_such_call(;")
    fixed.refuses(f"{trees.cases_file(fixed.tree)}:{line}:", "error:", "_NEW_1")


def test_a_function_before_the_entry(fixed: Fixed) -> None:
    path = fixed.tree / "Tools" / "jit" / "jit.h"
    path.write_text(path.read_text(encoding="utf-8") + "int mini_first(void) { return 1; }\n", encoding="utf-8")
    fixed.refuses("_NOP: _JIT_ENTRY is at CODE + 0x", "another function in front of it")


def test_a_template_without_the_entry(fixed: Fixed) -> None:
    trees.edit(fixed.tree / TEMPLATE, "\n_JIT_ENTRY(", "\n_JIT_START(")
    fixed.refuses("_NOP: the object has no _JIT_ENTRY", "template")


def test_a_jump_table(fixed: Fixed) -> None:
    # Cases that have nothing in common, or the compiler makes a table of their results instead.
    kinds = [
        'mini_raise(tstate, "{0}");',
        "tstate->counts[2] += {0};",
        "tstate->counts[1] ^= {0};",
        "frame->code -= {0};",
    ]
    texts = [f"case {number}: {kinds[number % 4].format(number)} break;" for number in range(12)]
    numbers = "\n".join(f"            {text}" for text in texts)
    body = f"            switch (tstate->counts[0]) {{\n{numbers}\n            }}\n            break;"
    trees.add_case(fixed.tree, "_NEW_1", body)
    done = fixed.refuses("_NEW_1: section .text, offset 0x", "relocation R_X86_64_32S against ", "cflags=")
    assert done.output.count("R_X86_64_32S") == 1
    # The way out that the message names.
    fixed.scons.ok(cflags="-fno-jump-tables")


def test_a_thread_local_variable(fixed: Fixed) -> None:
    trees.edit(trees.cases_file(fixed.tree), "tstate->number = mini_sqrt(tstate->number);", "mini_local += 1;")
    path = fixed.tree / "Tools" / "jit" / "jit.h"
    path.write_text(path.read_text(encoding="utf-8") + "extern __thread int mini_local;\n", encoding="utf-8")
    fixed.refuses("_ROOT: section .text, offset 0x", "relocation R_X86_64_", "against mini_local")


# -- What the tools say --------------------------------------------------------------------------------------------

_VERSION = 'case "$*" in *--version*) REAL ;; esac\n'


@pytest.mark.parametrize(
    "answer",
    ["echo '[{\"FileSummary\": oops'", "echo", "printf '\\377\\376'", "echo '[]'", "echo '[{\"Sections\": []}]'"],
    ids=["broken JSON", "nothing", "no text", "an empty list", "no summary"],
)
def test_malformed_json(fixed: Fixed, llvm_19: Path, tmp_path: Path, answer: str) -> None:
    prefix = replaced(tmp_path / "odd", llvm_19, llvm_readobj=f"{_VERSION}{answer}\n")
    fixed.refuses("llvm-readobj", llvm=prefix)


def test_json_of_an_unknown_shape(fixed: Fixed, llvm_19: Path, tmp_path: Path) -> None:
    script = f'{_VERSION}{llvm_19}/bin/llvm-readobj "$@" | sed \'s/"SectionData"/"Data"/g\'\n'
    prefix = replaced(tmp_path / "odd", llvm_19, llvm_readobj=script)
    fixed.refuses("_ADD: the output of llvm-readobj is not of the expected shape", llvm=prefix)


def test_truncated_json(fixed: Fixed, llvm_19: Path, tmp_path: Path) -> None:
    script = f'{_VERSION}{llvm_19}/bin/llvm-readobj "$@" | head -c 3000\n'
    prefix = replaced(tmp_path / "odd", llvm_19, llvm_readobj=script)
    fixed.refuses("llvm-readobj", llvm=prefix)


@pytest.mark.parametrize("tool", ["llvm-readobj", "llvm-objdump"])
def test_a_tool_that_fails(fixed: Fixed, llvm_19: Path, tmp_path: Path, tool: str) -> None:
    script = {tool.replace("-", "_"): f"{_VERSION}echo 'out of luck' >&2\nexit 3\n"}
    prefix = replaced(tmp_path / "odd", llvm_19, **script)
    fixed.refuses(f"{tool} failed", "out of luck", llvm=prefix)


def test_an_objdump_that_says_nothing(fixed: Fixed, llvm_19: Path, tmp_path: Path) -> None:
    prefix = replaced(tmp_path / "odd", llvm_19, llvm_objdump=f"{_VERSION}exit 0\n")
    fixed.refuses("llvm-objdump printed nothing for ", llvm=prefix)


def test_a_clang_that_is_killed(fixed: Fixed, llvm_19: Path, tmp_path: Path) -> None:
    prefix = replaced(tmp_path / "odd", llvm_19, clang='case "$*" in *_ADD.c*) kill -9 $$ ;; esac\nREAL')
    done = fixed.refuses("_ADD", "killed by signal 9", llvm=prefix)
    assert done.counts.failed == 1


# -- Outputs -------------------------------------------------------------------------------------------------------


def test_an_output_folder_below_a_file(fixed: Fixed, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("", encoding="utf-8")
    fixed.says_once(f"{path / 'below'}: cannot create this output folder", "out=DIR", out=path / "below")
    assert path.read_text(encoding="utf-8") == ""


def test_an_output_folder_that_is_a_file(fixed: Fixed, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine", encoding="utf-8")
    fixed.says_once(str(path), "out=DIR", out=path)
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["jit_stencils.h", "jit_stencils-x86_64-unknown-linux-gnu.h"])
def test_a_folder_where_a_header_goes(fixed: Fixed, tmp_path: Path, name: str) -> None:
    out = tmp_path / "other"
    (out / name / "mine").mkdir(parents=True)
    fixed.refuses(name, out=out)
    assert (out / name / "mine").is_dir()


def test_a_folder_where_an_object_goes(fixed: Fixed, tmp_path: Path) -> None:
    out = tmp_path / "other"
    plan = out / "uops" / "x86_64-unknown-linux-gnu-release"
    (plan / "src" / "_ADD.c" / "mine").mkdir(parents=True)
    fixed.refuses("_ADD.c", out=out)

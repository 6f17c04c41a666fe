"""What the random walks have found, each once and for all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from proof.bench import Bench, Built
from proof.edits import BROKEN

from support import trees
from support.scons import snapshot

pytestmark = pytest.mark.build


def _like_clean(bench: Bench, built: Built, **variables: str) -> bool:
    clean = bench.clean(**variables)
    assert clean.done.status == 0, clean.done.output
    return built.headers == clean.headers


def _part(bench: Bench) -> Path:
    (part,) = (path.parent for path in bench.out.glob("uops/*/manifest.json"))
    return part


def test_the_dispatcher_is_damaged(bench: Bench) -> None:
    """SCons knows that it built a file, not whether the file is still what it built."""
    bench.ok()
    (bench.out / "jit_stencils.h").write_bytes(b"garbage")
    assert _like_clean(bench, bench.ok())


@pytest.mark.parametrize("graph", ["auto", "full"])
def test_the_same_old_mtime(bench: Bench, graph: str) -> None:
    """SCons trusts the mtime of what is older than two days; archives and clamped clocks give many files one."""
    cases, then = trees.cases_file(bench.tree), (315532800, 315532800)
    os.utime(cases, then)
    bench.ok(graph=graph)
    trees.edit(cases, "GETLOCAL(oparg)", "GETLOCAL(oparh)".replace("oparh", "5    "))
    os.utime(cases, then)
    built = bench.ok(graph=graph)
    assert set(built.compiled) == {"_LOAD_OPARG"}
    assert _like_clean(bench, built)


@pytest.mark.parametrize("graph", ["auto", "full"])
def test_a_uop_that_does_not_compile_leaves_the_header(bench: Bench, graph: str) -> None:
    """SCons deletes a target before it is built, unless it is precious."""
    bench.ok(graph=graph)
    before, cases = snapshot(bench.out), bench.cases()
    bench.write_cases({**cases, "_NOP": cases["_NOP"] + BROKEN})
    built = bench.build(graph=graph)
    assert built.done.status != 0
    assert snapshot(bench.out) == before


def test_an_unchanged_header_keeps_its_mtime(bench: Bench) -> None:
    """Whatever the build had to do: jit.o is not compiled again for it."""
    bench.ok()
    before = snapshot(bench.out)
    # The same code, other text, and no cache.
    trees.edit(trees.cases_file(bench.tree), "oparg = CURRENT_OPARG();", "oparg = (CURRENT_OPARG());")
    built = bench.ok(cache="off")
    assert set(built.compiled) == {"_LOAD_OPARG"}
    after = snapshot(bench.out)
    (name,) = (name for name in after if "-" in name)
    # But for the first line, which is a digest of the tree.
    assert after[name][0].split(b"\n", 1)[1] == before[name][0].split(b"\n", 1)[1]
    assert after["jit_stencils.h"] == before["jit_stencils.h"]
    # A fragment that is lost is made again, and the header is the same.
    before = snapshot(bench.out)
    (_part(bench) / "fragments" / "_MIX.h").unlink()
    bench.ok(cache="off")
    assert snapshot(bench.out) == before


@pytest.mark.parametrize("way", ["truncated", "flipped"])
def test_the_precompiled_include_block_is_damaged(bench: Bench, way: str) -> None:
    bench.ok()
    precompiled = _part(bench) / "src" / "copypatch-prefix.pch"
    content = precompiled.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    precompiled.write_bytes(content[:middle] if way == "truncated" else flipped)
    trees.edit(trees.cases_file(bench.tree), "mini_mix(value, 5)", "mini_mix(value, 6)")
    built = bench.ok()
    assert set(built.compiled) == {"_MIX"}
    assert _like_clean(bench, built)


def test_a_header_appears_in_a_subfolder_of_the_search_path(bench: Bench) -> None:
    """`#include "sub/x.h"` is looked for in sub/ of every folder, also where no header was ever read."""
    first, second = bench.tree / "Include" / "sub", bench.tree / "Include" / "internal" / "sub"
    for folder in (first, second):
        folder.mkdir()
    (second / "constant.h").write_text("#define MINI_CONSTANT 3\n", encoding="utf-8")
    template = bench.tree / "Tools" / "jit" / "template.c"
    trees.edit(template, '#include "ceval_macros.h"', '#include "ceval_macros.h"\n#include "sub/constant.h"')
    trees.edit(trees.cases_file(bench.tree), "mini_mix(value, 5)", "mini_mix(value, MINI_CONSTANT)")
    bench.ok()
    bench.ok()
    (first / "constant.h").write_text("#define MINI_CONSTANT 7\n", encoding="utf-8")
    built = bench.ok()
    assert set(built.compiled) == {"_MIX"}
    assert _like_clean(bench, built)


@pytest.mark.parametrize("flag", ["-iquote", "-I", "-isystem"])
def test_a_header_appears_in_a_folder_of_cflags(bench: Bench, flag: str) -> None:
    """A folder that the user names is searched too, and one of -iquote even first."""
    own = bench.folder / "own"
    own.mkdir()
    cflags = f"{flag} {own}"
    template = bench.tree / "Tools" / "jit" / "template.c"
    new = '#if __has_include("constant.h")\n#include "constant.h"\n#else\n#define MINI_CONSTANT 3\n#endif\n'
    trees.edit(template, "#define CURRENT_OPARG()", f"{new}#define CURRENT_OPARG()")
    trees.edit(trees.cases_file(bench.tree), "mini_mix(value, 5)", "mini_mix(value, MINI_CONSTANT)")
    bench.ok(cflags=cflags)
    bench.ok(cflags=cflags)
    (own / "constant.h").write_text("#define MINI_CONSTANT 7\n", encoding="utf-8")
    built = bench.ok(cflags=cflags)
    assert set(built.compiled) == {"_MIX"}
    assert _like_clean(bench, built, cflags=cflags)


def test_a_warning_is_not_lost_in_the_cache(bench: Bench) -> None:
    """What clang warned of is not restored in silence, also when its fragment was made again without clang."""
    assert "unused" in bench.ok().done.stderr
    library = bench.project / "site_scons" / "copypatch"
    path = library / "fragment.py"
    path.write_text(path.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    assert not bench.ok().compiled
    shutil.rmtree(bench.out)
    assert "unused" in bench.ok().done.stderr


def test_counter(bench: Bench) -> None:
    """``__COUNTER__`` counts in one translation unit: what one uop takes is nothing to another."""
    cases = bench.cases()
    cases["_NEW_1"] = "            tstate->counts[0] = __COUNTER__;\n            break;"
    cases["_NEW_2"] = "            tstate->counts[1] = __COUNTER__;\n            break;"
    bench.write_cases(cases)
    bench.ok()
    # It was 0: each uop is compiled alone, or as a module of its own.
    bench.write_cases({**cases, "_NEW_2": cases["_NEW_2"].replace("__COUNTER__", "1")})
    built = bench.ok()
    assert set(built.compiled) == {"_NEW_2"}
    assert _like_clean(bench, built)
    bench.write_cases({**cases, "_NEW_1": "            tstate->counts[0] = 5;\n            break;"})
    assert set(bench.ok(cache="off").compiled) <= {"_NEW_1", "_NEW_2"}


@pytest.mark.parametrize("cache", ["on", "off"])
def test_full_auto_and_full_again(bench: Bench, cache: str) -> None:
    """With graph=auto SCons does not hear of what is built; what it knows of graph=full is old then."""
    said = {"cache": "off"} if cache == "off" else {}
    cases = trees.cases_file(bench.tree)
    bench.ok(graph="full", **said)
    trees.edit(cases, "mini_mix(value, 5)", "mini_mix(value, 6)")
    bench.ok(**said)
    trees.edit(cases, "mini_mix(value, 6)", "mini_mix(value, 5)")
    assert _like_clean(bench, bench.ok(graph="full", **said))


def test_one_flipped_digit_of_what_is_remembered(bench: Bench) -> None:
    """It made a key that nothing has, and a uop was compiled for nothing: --proof-seed=101, step 435."""
    bench.ok()
    (path,) = bench.out.glob("uops/*/expansion.json")
    text = path.read_text(encoding="utf-8")
    place = text.index('"_prefix": "') + len('"_prefix": "')
    path.write_text(text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :], encoding="utf-8")
    assert not bench.ok(cache="off").compiled

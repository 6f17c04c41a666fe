"""`scons snapshot`, `scons diff`: what an edit did to the machine code, whatever it is compared with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reports.conftest import World
from support.scons import texts

pytestmark = pytest.mark.build
TARGET = "x86_64-unknown-linux-gnu-release"


def difference(world: World, base: str | Path, **variables: str | Path) -> dict[str, Any]:
    done = world.run("diff", base=base, format="json", **variables)
    assert done.status == 0, done.output
    # Nothing but the result is in the output.
    record: dict[str, Any] = json.loads(done.stdout)
    assert record["format"] == 1
    return record


def test_what_changed_is_told_and_nothing_else(world: World) -> None:
    found = difference(world, "before")["targets"][TARGET]
    assert [change["uop"] for change in found["changed"]] == ["_ADD"]
    assert (list(found["added"]), list(found["removed"]), found["unchanged"]) == (["_NEW_1"], ["_REPEAT"], 17)
    (change,) = found["changed"]
    assert {hole["name"] for hole in change["holes_added"]} >= {"mini_raise", '"grown"'}
    assert change["holes_removed"] == []
    assert change["instructions_differ"] > 0
    # The numbers are those of the header's own table.
    sizes = {}
    for when, folder in (("before", world.before), ("after", world.out)):
        header = (folder / "jit_stencils-x86_64-unknown-linux-gnu.h").read_text(encoding="utf-8")
        table = re.findall(r"\{emit_(\w+), (\d+), (\d+), ", header)
        assert found[when]["code"] == sum(int(code) for _, code, _ in table)
        assert found[when]["data"] == sum(int(data) for _, _, data in table)
        sizes[when] = {name: (int(code), int(data)) for name, code, data in table}
        assert (change[when]["code"], change[when]["data"]) == sizes[when]["_ADD"]
    assert found["grown"] == sum(map(sum, sizes["after"].values())) - sum(map(sum, sizes["before"].values()))


def test_all_bases_give_the_same_answer(world: World, tmp_path: Path) -> None:
    wanted = difference(world, "before")["targets"]
    header = world.before / "jit_stencils-x86_64-unknown-linux-gnu.h"
    for base in (world.before, header, "git:HEAD"):
        assert difference(world, base)["targets"] == wanted, base
    # The header that picks among targets stands for those beside it.
    (tmp_path / "jit_stencils.h").write_bytes((world.out / "jit_stencils.h").read_bytes())
    (tmp_path / header.name).write_bytes(header.read_bytes())
    assert difference(world, tmp_path / "jit_stencils.h")["targets"] == wanted


def test_a_build_does_not_differ_from_itself(world: World) -> None:
    for base in (world.out, world.out / "jit_stencils-x86_64-unknown-linux-gnu.h"):
        found = difference(world, base)["targets"][TARGET]
        assert (found["changed"], found["added"], found["removed"], found["grown"]) == ([], {}, {}, 0)


def test_fragments_out_of_the_cache_are_enough(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = world.run("diff", base=world.before, out=out)
    assert done.status == 0, done.output
    assert done.counts.restored > 15
    assert not list(out.glob("uops/*/holes/_LOAD_OPARG*"))
    assert difference(world, world.before, out=out)["targets"] == difference(world, "before")["targets"]
    shown = world.run("show", uop="_LOAD_OPARG", out=out)
    assert "patch_64(code + 0x2) = instruction->oparg" in shown.stdout
    assert "up to date; last restored from the cache: not built here before" in shown.stdout


def test_git_leaves_the_tree_as_it_was(world: World) -> None:
    hook = world.tree / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch '{world.tree}/hooked'\n", encoding="utf-8")
    hook.chmod(0o755)
    index = (world.tree / ".git" / "index").read_bytes()
    before = texts(world.tree, "**/*"), world.git("status", "--porcelain"), world.git("worktree", "list")
    assert before[1].strip() == "M Python/executor_cases.c.h"
    difference(world, "git:HEAD")
    assert (world.tree / ".git" / "index").read_bytes() == index
    after = texts(world.tree, "**/*"), world.git("status", "--porcelain"), world.git("worktree", "list")
    assert {name: text for name, text in after[0].items() if not name.startswith(".git/")} == {
        name: text for name, text in before[0].items() if not name.startswith(".git/")
    }
    assert after[1:] == before[1:]


def test_two_listings_side_by_side(world: World) -> None:
    done = world.run("diff", base="before", uop="_ADD")
    assert done.status == 0, done.output
    lines = done.stdout.splitlines()
    assert any(re.search(r' > .*movabsq \$0x0, %rsi  ; patch_64 "grown"$', line) for line in lines), done.stdout
    # What both have faces itself, without an address.
    (call,) = [line for line in lines if line.count("mini_add") == 2 and "callq" in line]
    assert "0x" not in call
    assert not re.search(r" [|<>] ", call)


def test_markdown_fits_a_comment(world: World) -> None:
    done = world.run("diff", base="before", format="markdown")
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert [line.split("|")[1].strip() for line in table[2:]] == ["`_ADD`", "`_NEW_1`", "`_REPEAT`", "**all uops**"]


def test_one_uop_in_every_form(world: World) -> None:
    found = difference(world, "before", uop="_ADD")["targets"][TARGET]
    assert [change["uop"] for change in found["changed"]] == ["_ADD"]
    assert found["unchanged"] == 0
    done = world.run("diff", base="before", uop="_ADD", format="markdown")
    assert "| `_ADD` |" in done.stdout
    assert "```text\n_ADD, " in done.stdout


def test_growth_can_fail_a_build(world: World) -> None:
    grown = difference(world, "before")["targets"][TARGET]["grown"]
    assert grown > 0
    assert world.run("diff", base="before", fail_if_grows=str(grown)).status == 0
    done = world.run("diff", base="before", fail_if_grows=str(grown - 1))
    assert done.status != 0
    assert f"grew by {grown} bytes since snapshot before" in done.stderr
    assert not done.has_traceback


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, r"base=: say what to compare with"),
        ({"base": "befor"}, r"base=befor: no file or folder, and no snapshot .*did you mean before\?"),
        ({"base": "git:nothing"}, r"base=git:nothing: .* has no such revision"),
        ({"base": "git:--help"}, r"base=git:--help: .* has no such revision"),
        ({"base": "before", "uop": "_AD"}, r"uop=_AD: there is no such uop; did you mean _ADD\?"),
        (
            {"base": "before", "uop": "_NEW_1"},
            r"uop=_NEW_1: only one side of the comparison",
        ),
        ({"base": "before", "format": "xml"}, r"format=xml: say format=text or"),
        ({"base": "before", "fail_if_grows": "1k"}, r"fail_if_grows=1k: say a number of bytes"),
    ],
)
def test_a_mistake_is_one_message(world: World, variables: dict[str, str], message: str) -> None:
    done = world.run("diff", **variables)
    assert done.status != 0
    assert re.search(message, done.stderr), done.output
    assert not done.has_traceback


def test_what_cannot_be_compared_is_told(world: World, tmp_path: Path) -> None:
    header = world.before / "jit_stencils-x86_64-unknown-linux-gnu.h"
    text = header.read_text(encoding="utf-8")
    edits = {
        "target": (
            text.replace("target=x86_64-unknown-linux-gnu", "target=i686-pc-windows-msvc", 1),
            "say target=i686",
        ),
        "debug": (text.replace("linux-gnu\n", "linux-gnu debug=1\n", 1), "are of a debug build .* say debug=1"),
        "dialect": (
            text.replace("jit_state *state)\n{", "uintptr_t instruction_starts[])\n{"),
            "another kind of tree",
        ),
        "cut": (text[: len(text) // 2], "is the file cut off|not a whole header"),
        "other": ("int main(void) { return 0; }\n", "not a whole header with stencils"),
    }
    for name, (content, message) in edits.items():
        path = tmp_path / f"{name}.h"
        path.write_text(content, encoding="utf-8")
        done = world.run("diff", base=path)
        assert done.status != 0, name
        assert re.search(message, done.stderr), done.output
        assert not done.has_traceback
    done = world.run("diff", base=tmp_path)
    assert re.search(r"holds no jit_stencils-x86_64-unknown-linux-gnu\.h", done.stderr)


def test_a_snapshot_needs_a_name_and_stays_after_a_clean(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "snapshot: say under which name" in world.run("snapshot", out=out).stderr
    assert "name=../x: a snapshot's name is of" in world.run("snapshot", name="../x", out=out).stderr
    assert world.run("snapshot", name="now", out=out).status == 0
    assert world.run("-c", out=out).status == 0
    assert texts(out / "snapshots" / "now").keys() == {"jit_stencils-x86_64-unknown-linux-gnu.h"}


def test_two_targets(world: World, tmp_path: Path) -> None:
    targets = "x86_64-unknown-linux-gnu,x86_64-apple-darwin"
    out = tmp_path / "out"
    found = difference(world, "git:HEAD", out=out, target=targets)["targets"]
    assert {name: list(one["added"]) for name, one in found.items()} == {
        TARGET: ["_NEW_1"],
        "x86_64-apple-darwin-release": ["_NEW_1"],
    }
    one = world.run("diff", out=out, target=targets, base=world.before / "jit_stencils-x86_64-unknown-linux-gnu.h")
    assert "one header is of one target" in one.stderr
    assert world.cases

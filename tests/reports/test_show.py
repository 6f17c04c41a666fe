"""`scons show`, `scons compdb` and trace=: what people and their other tools look at."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from reports.conftest import MARKUP, World
from support import trees

pytestmark = pytest.mark.build


def test_show_tells_everything_about_a_uop(world: World) -> None:
    done = world.run("show", uop="_ADD")
    assert done.status == 0, done.output
    text = trees.cases_file(world.tree).read_text(encoding="latin-1")
    line = text[: text.index("case _ADD: {")].count("\n") + 1
    assert f"C  Python/executor_cases.c.h:{line}" in done.stdout
    assert 'mini_raise(tstate, "grown");' in done.stdout
    assert re.search(r"\^ patch_64\(code \+ 0x[0-9a-f]+\) = data -> \"grown\"   R_X86_64_64", done.stdout)
    assert re.search(r"\^ patch_64\(data \+ 0x[0-9a-f]+\) = &mini_add", done.stdout)
    assert "its case text changed" in done.stdout
    assert re.search(r"^  key [0-9a-f]{64}$", done.stdout, re.MULTILINE)
    # Every hole of the header's function is there.
    header = (world.out / "jit_stencils-x86_64-unknown-linux-gnu.h").read_text(encoding="utf-8")
    function = header[header.index("emit__ADD(") :].partition("\n}\n")[0]
    calls = re.findall(r"^    (patch_\w+\((?:code|data) \+ 0x[0-9a-f]+),", function, re.MULTILINE)
    assert calls
    assert all(f"^ {call})" in done.stdout for call in calls)


def test_show_tells_of_the_entry_too(world: World) -> None:
    done = world.run("show", uop="shim")
    assert "C  Tools/jit/shim.c" in done.stdout
    assert "-> " not in done.stdout.partition("code\n")[0]


def test_show_takes_text_for_text(world: World) -> None:
    done = world.run("show", uop="_NEW_1")
    assert MARKUP in done.stdout
    assert "caf\\udce9 */" in done.stdout


def test_show_tells_what_this_build_did(world: World, tmp_path: Path) -> None:
    first = world.run("show", uop="_NOP", out=tmp_path / "out", cache="off")
    assert re.search(r"^  by this build compiled in a shard in \d+ ms: not built here before$", first.stdout, re.M)
    assert "  up to date; last compiled in a shard in" in world.run("show", uop="_NOP", out=tmp_path / "out").stdout


def test_show_without_a_uop(world: World) -> None:
    assert "show: say which uop" in world.run("show").stderr
    assert "did you mean _ASSERTED?" in world.run("show", uop="_ASERTED").stderr


def test_an_editor_can_compile_every_source(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert world.run("compdb", out=out).status == 0
    entries = json.loads((out / "compile_commands.json").read_text(encoding="utf-8"))
    names = {Path(entry["file"]).stem for entry in entries}
    assert names == {"template", "shim", *world.cases}
    for entry in entries:
        # Without our precompiled header, which another version's clangd would refuse.
        assert "-include-pch" not in entry["arguments"]
        done = subprocess.run(
            [*entry["arguments"], "-fsyntax-only"],
            cwd=entry["directory"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_a_trace_has_every_step_and_every_uop(world: World, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    assert world.run(out=tmp_path / "out", cache="off", trace=file).status == 0
    events = [event for event in json.loads(file.read_text(encoding="utf-8"))["traceEvents"] if event["ph"] == "X"]
    steps = {event["name"] for event in events if event["cat"] == "step"}
    assert steps >= {
        "plan",
        "precompile",
        "compile",
        "read objects",
        "make holes files",
        "write fragments",
        "merge",
    }
    assert all(event["ts"] >= 0 and event["dur"] >= 0 and not event["args"]["cached"] for event in events)
    shards = [event for event in events if event["name"] == "clang (shard)"]
    assert sorted(event["args"]["shard"] for event in shards) == list(range(1, len(shards) + 1))
    sharded = {uop for event in shards for uop in event["args"]["uop"].split()}
    parts = {event["name"] for event in events if event["cat"] == "uop"}
    uops = set(world.cases)
    assert parts == sharded == uops
    for part in (event for event in events if event["cat"] == "uop"):
        assert any(
            shard["tid"] == part["tid"]
            and shard["ts"] <= part["ts"]
            and part["ts"] + part["dur"] <= shard["ts"] + shard["dur"]
            for shard in shards
        )
    world.run(out=tmp_path / "again")
    assert world.run(out=tmp_path / "third", trace=file).status == 0
    cached = [
        event
        for event in json.loads(file.read_text(encoding="utf-8"))["traceEvents"]
        if event["ph"] == "X" and event["args"]["cached"]
    ]
    assert [event["name"] for event in cached] == ["restore fragments"]


def test_a_trace_that_cannot_be_written_is_told(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = world.run(trace=tmp_path / "file" / "trace.json")
    assert "trace=" in done.stderr
    assert not done.has_traceback


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(world: World, no_color: str, coloured: bool) -> None:
    """On a terminal there are colours, unless NO_COLOR says otherwise; what is said is the same."""
    main, side = pty.openpty()
    command = world.scons.command("-Q", "diff", base="before")
    environ = {**world.scons.environment(), "TERM": "xterm", "NO_COLOR": no_color}
    with subprocess.Popen(
        command, cwd=world.scons.project, env=environ, stdout=side, stderr=side, stdin=side
    ) as run:
        os.close(side)
        said = b""
        while part := _read(main):
            said += part
        assert run.wait() == 0
    os.close(main)
    text = said.decode()
    assert ("\033[1m" in text) is coloured
    plain = re.sub(r"\033\[[0-9;]*[mK]|\r", "", text)
    assert (
        world.run("diff", base="before").stdout.splitlines()[:4]
        == [line for line in plain.splitlines() if line][:4]
    )


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # What Linux says at the end of a terminal's life.
        return b""

"""What ran when, and what is remembered of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copypatch import history
from copypatch.history import History, Made
from copypatch.report import Report
from copypatch.timeline import (
    CACHE,
    PROCESS,
    STEP,
    UOP,
    Event,
    Timeline,
    chrome_trace,
    process_name,
    split_shard,
    worked_on,
)

_SHARD = ["/llvm/bin/clang", "-cc1", "-main-file-name", "main.c", "-O3", "./_A.c", "./_B.c"]
_ALONE = ["/llvm/bin/clang", "-c", "-o", "/out/obj/_A.o", "./_A.c"]


@pytest.mark.parametrize(
    ("command", "name", "uops"),
    [
        (_SHARD, "clang (shard)", ("_A", "_B")),
        (_ALONE, "clang", ("_A",)),
        ([*_ALONE[:3], "/out/check/obj/_A.o", "./_A.c"], "clang (proof of the shards)", ("_A",)),
        # Somebody's folder may be called like ours.
        (["/check/llvm/bin/clang", "-c", "-o", "/check/out/obj/_A.o", "./_A.c"], "clang", ("_A",)),
        (["clang", "-E", "-P", "all.c"], "clang (preprocessor)", ()),
        (["clang", "-x", "c-header", "-o", "p.pch", "p.h"], "clang (precompile)", ()),
        (["/llvm/bin/llvm-readobj", "--sections", "_A.o", "_B.o"], "llvm-readobj", ("_A", "_B")),
    ],
)
def test_a_command_tells_what_it_is_and_for_which_uops(
    command: list[str], name: str, uops: tuple[str, ...]
) -> None:
    assert (process_name(command), worked_on(command)) == (name, uops)


def test_what_runs_is_recorded_even_if_it_fails() -> None:
    timeline = Timeline()

    def fail() -> None:
        with timeline.span("compile", STEP, ["_A"], "x-release"), timeline.process(_SHARD):
            assert timeline.running() == [_SHARD]
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert timeline.running() == []
    step, process = timeline.events()
    assert (step.name, step.uops, step.plan) == ("compile", ("_A",), "x-release")
    assert step.start <= process.start <= process.end <= step.end
    assert step.lane == process.lane == 0


def test_a_shard_is_cut_where_its_objects_were_finished() -> None:
    shard = Event("clang (shard)", PROCESS, 1000, 500, 2, ("_A", "_B", "_C", "_D"), "")
    parts = split_shard(shard, [("_B", 1300), ("_A", 1100), ("_C", 1300), ("_D", 2000), ("_E", 10)])
    # _D was finished by another process later, and what was there before says nothing.
    assert [(part.name, part.start, part.duration, part.lane) for part in parts] == [
        ("_A", 1000, 100, 2),
        ("_B", 1100, 200, 2),
        ("_C", 1300, 0, 2),
    ]


def test_a_trace_is_what_chrome_reads() -> None:
    events = [Event("compile", STEP, 5000, 3000, 0, ("_A",)), Event("restore", CACHE, 6000, 1000, 1, (), "x")]
    trace = json.loads(chrome_trace(events))
    names, _, first, second = trace["traceEvents"]
    assert (names["ph"], names["args"]["name"]) == ("M", "build")
    assert (first["ph"], first["ts"], first["dur"]) == ("X", 0, 3)
    assert first["args"] == {"cached": False, "uops": 1, "uop": "_A"}
    assert (second["ts"], second["args"]) == (1, {"cached": True, "target": "x"})
    assert json.loads(chrome_trace([]))["traceEvents"] == []


def test_how_a_uop_was_made_is_told_from_report_and_events() -> None:
    report = Report.__new__(Report)
    report.restored, report.sharded, report.alone = {("x", "_R")}, {("x", "_S")}, {("x", "_L"), ("x", "_F")}
    report.failed = {("x", "_F")}
    report.reasons, report.restored_for = {"x": {"_S": "a header changed"}}, {("x", "_R"): "not built here before"}
    events = [
        Event("_S", UOP, 0, 4_000_000, 0, ("_S",)),
        Event("compile", STEP, 0, 9_000_000, 0, ("_S", "_L"), "x"),
        Event("compile", STEP, 0, 7_000_000, 0, ("_S",), "another"),
    ]
    assert history.made_now(report, events) == {
        "x": {
            "_R": Made("restored from the cache", "not built here before"),
            "_S": Made("compiled in a shard", "a header changed", 4.0, (("compile", 9.0, 2),)),
            "_L": Made("compiled alone", "", None, (("compile", 9.0, 2),)),
        }
    }


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "uops": {"x": 1}}', "\x00"])
def test_a_damaged_history_is_an_empty_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "history.json"
    file.write_text(content, encoding="utf-8")
    assert history.load(file) == History()
    assert history.load(tmp_path / "none") == History()

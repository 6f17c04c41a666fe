"""What is expanded, when, and what it says about staleness; the preprocessor is a toy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.toy_clang import ToyClang

from copypatch.expansion import (
    SHARED_OPCODE,
    Expansion,
    Inputs,
    Parts,
    Unit,
    expand,
    inputs_digest,
    leaks,
    load,
    save,
)
from copypatch.marks import COMMON, PREFIX


@pytest.fixture(autouse=True)
def long_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let headers count as settled though the test has just written them."""
    monkeypatch.setattr("copypatch.expansion.time.time_ns", lambda: 1 << 62)


class Bench:
    """A folder with one header, and a way to expand two uops over and over."""

    def __init__(self, folder: Path) -> None:
        self.clang = ToyClang()
        self.include = folder / "include"
        self.include.mkdir()
        self.header = self.include / "a.h"
        self.header.write_text("int a; // one\n#define ADD plus\n")
        self.work = folder / "work"
        self.work.mkdir()
        self.entry = folder / "shim.c"
        self.entry.write_text('#include "a.h"\nentry\n')
        self.prefix = '#include "a.h"\n'
        self.units = [Unit("_ADD", "x ADD y\n"), Unit("_SUB", "x SUB y\n")]

    def expand(self, before: Expansion | None = None, units: list[Unit] | None = None) -> Expansion:
        return expand(
            self.clang,
            ["clang", f"-I{self.include}", f"-D_JIT_OPCODE={SHARED_OPCODE}"],
            self.work,
            Parts(self.prefix, "template\n", self.units if units is None else units, {"shim": self.entry}),
            Inputs("inputs", "template", {unit.name: unit.text for unit in self.units}, self.entry.read_text()),
            before=before,
            folders=[self.include],
        )

    def changed_by(self, header: str) -> set[str]:
        before = self.expand().digests
        self.header.write_text(header)
        after = self.expand().digests
        assert before.keys() == after.keys()
        return {name for name in before if before[name] != after[name]}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_every_part_is_expanded_in_one_run_but_files_of_their_own(bench: Bench) -> None:
    expansion = bench.expand()
    assert expansion.digests.keys() == {PREFIX, COMMON, "_ADD", "_SUB", "shim"}
    assert len(bench.clang.commands) == 2
    assert {Path(header) for header in expansion.headers} == {bench.header, bench.entry}
    assert expansion.shares_prefix


@pytest.mark.parametrize(
    ("header", "changed"),
    [
        ("int a; // two\n#define ADD plus\n", set()),
        ("\nint a;\n#define ADD plus\n#define UNUSED thing\n", set()),
        ("int a;\n#define ADD minus\n", {"_ADD"}),
        ("int b;\n#define ADD plus\n", {PREFIX, "shim"}),
    ],
)
def test_the_expanded_text_is_what_counts(bench: Bench, header: str, changed: set[str]) -> None:
    assert bench.changed_by(header) == changed


def test_builtins_that_see_positions_make_every_byte_count(bench: Bench) -> None:
    bench.units.append(Unit("_POS", "__builtin_LINE()\n"))
    assert bench.changed_by("\nint a;\n#define ADD plus\n") == {"_POS"}
    bench.prefix += "int line = __builtin_LINE();\n"
    # The include block is in the key of every uop.
    assert bench.changed_by("\n\nint a;\n#define ADD plus\n") == {"_POS", PREFIX}


def test_a_case_whose_directives_reach_further_is_expanded_by_itself(bench: Bench) -> None:
    text = "#define SUB star\nx ADD y\n"
    assert leaks(text)
    assert not leaks("x = '#'; // #define\n#if X\n#endif\n")
    plain = bench.expand().digests
    bench.units[0] = Unit("_ADD", text, leaks=True)
    leaking = bench.expand().digests
    assert leaking["_SUB"] == plain["_SUB"]
    assert leaking["_ADD"] == plain["_ADD"]


def test_a_header_that_looks_at_the_uops_name_forbids_to_share_the_prefix(bench: Bench) -> None:
    bench.header.write_text("int _JIT_OPCODE;\n")
    assert not bench.expand().shares_prefix


def test_what_cannot_be_expanded_has_no_digest(bench: Bench) -> None:
    bench.prefix = '#include "missing.h"\n'
    expansion = bench.expand()
    assert expansion.digests.keys() == {"shim"}


def test_it_is_current_until_something_that_went_in_changes(bench: Bench) -> None:
    expansion = bench.expand()

    def current() -> bool:
        return expansion.is_current("inputs")

    assert current()
    assert not expansion.is_current("other")
    stat = bench.header.stat()
    bench.header.write_text("int a; // ONE\n#define ADD plus\n")
    os.utime(bench.header, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not expansion.headers_unchanged(), "the same size and time, but another text"
    expansion = bench.expand()
    assert current()
    # A new header could be found in place of another.
    (bench.include / "b.h").touch()
    assert not current()


def test_a_file_of_its_own_is_expanded_again_only_when_it_or_a_header_changed(bench: Bench) -> None:
    first = bench.expand()
    bench.units[0] = Unit("_ADD", "y ADD x\n")
    bench.clang.commands.clear()
    second = bench.expand(first)
    assert [command[-1] for command in bench.clang.commands] == [str(bench.work / "all.c")]
    assert second.digests["_ADD"] != first.digests["_ADD"]
    assert second.digests["shim"] == first.digests["shim"]
    assert second.headers == first.headers
    everything = bench.expand()
    assert (second.digests, second.alone_headers) == (everything.digests, everything.alone_headers)
    bench.entry.write_text('#include "a.h"\nother entry\n')
    third = bench.expand(second)
    assert third.digests["shim"] != first.digests["shim"]
    bench.header.write_text("int b;\n#define ADD plus\n")
    assert bench.expand(third).digests["shim"] != third.digests["shim"]


def test_only_the_units_that_changed_are_expanded(bench: Bench) -> None:
    first = bench.expand()
    bench.units[0] = Unit("_ADD", "y ADD x\n")
    known = first.units_of("template")
    assert known == {"_ADD": "x ADD y\n", "_SUB": "x SUB y\n"}
    assert first.units_of("another template") == {}
    second = bench.expand(first, bench.units[:1])
    everything = bench.expand()
    assert second.digests == everything.digests
    assert second.headers == everything.headers
    assert "SUB" not in (bench.work / "all.c").read_text() or "_SUB" not in second.changes
    # One that could not be expanded is tried again.
    bench.header.write_text("#error no\n")
    assert bench.expand().units_of("template") == {}
    bench.header.write_text("int b;\n#define ADD plus\n")
    assert second.units_of("template") == {}, "a header changed"


def test_what_changed_is_told_after_edits_of_cases(bench: Bench) -> None:
    bench.units += [Unit(f"_U{number}", f"{number} ADD\n") for number in range(4)]
    first = bench.expand()
    bench.units[0] = Unit("_ADD", "y ADD x\n")
    second = bench.expand(first, bench.units[:1])
    assert second.changes == {}
    bench.header.write_text("int a;\n#define ADD minus\n")
    third = bench.expand(second)
    assert third.changes["_ADD"].endswith("`y plus x` became `y minus x`")


def test_a_header_written_while_it_was_read_is_looked_at_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copypatch.expansion.time.time_ns", lambda: bench.header.stat().st_ctime_ns)
    expansion = bench.expand()
    assert not expansion.is_current("inputs")


def test_it_is_remembered(bench: Bench) -> None:
    expansion = bench.expand()
    path = bench.work / "expansion.json"
    assert load(path) is None
    save(path, expansion)
    again = load(path)
    assert again == expansion
    assert again is not None
    assert again.is_current("inputs")
    path.write_text(path.read_text()[:-9])
    assert load(path) is None


def test_the_environment_that_clang_reads_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CPATH", raising=False)
    plain = inputs_digest(["clang"], ["text"])
    assert inputs_digest(["clang"], ["text"]) == plain
    monkeypatch.setenv("CPATH", "/elsewhere")
    assert inputs_digest(["clang"], ["text"]) != plain
    monkeypatch.delenv("CPATH")
    assert inputs_digest(["clang", "text"], []) != plain
    assert inputs_digest(["clang"], ["te", "xt"]) != plain

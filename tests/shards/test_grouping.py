"""Which sources share a clang process does not matter to any of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copypatch import shards
from copypatch.process import Runner
from copypatch.shards import ShardLine, deal, derive

pytestmark = pytest.mark.build

_NAMES = st.text("abcdefgh_", min_size=1, max_size=6)


@given(st.dictionaries(_NAMES, st.integers(1, 10_000), min_size=1), st.integers(1, 20))
def test_deal(costs: dict[str, int], hands: int) -> None:
    dealt = deal(costs, hands)
    assert sorted(name for shard in dealt for name in shard) == sorted(costs)
    assert len(dealt) == min(hands, len(costs))
    assert all(dealt), "a process with nothing to do"
    loads = [sum(costs[name] for name in shard) for shard in dealt]
    # The dearest first, each to the cheapest: no two differ by more than one source.
    assert max(loads) - min(loads) <= max(costs.values())
    assert deal(dict(reversed(costs.items())), hands) == dealt, "the order of the question matters"


def test_deal_nothing() -> None:
    assert deal({}, 4) == []


# Static data, strings, an inline function, and a name that all of them define: nothing may spill over.
_SOURCE = """
#define OPCODE {number}
#line 1 "./{name}.c"
static const double table[] = {{ {number}.5, 2.5 }};
static const char *const names[] = {{ "one {number}", "two", __FILE__ }};
extern void hole(const char *, double);
static int counter = {number};
static __attribute__((noinline)) int helper(int n) {{ counter += n; return counter * OPCODE; }}
int same_name(int n) {{
    hole(names[n & 1], table[n & 1]);
    for (int i = 0; i < {number}; i++) {{ n += helper(i) + __LINE__ + __COUNTER__; }}
    return n;
}}
"""


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    names = [f"_OP_{number}" for number in range(14)]
    for number, name in enumerate(names):
        (tmp_path / f"{name}.c").write_text(_SOURCE.format(name=name, number=number), encoding="utf-8")
    return names


FLAGS = {
    "release": ["-O3", "-c", "-fno-pic", "-mcmodel=large"],
    "debug": ["-O2", "-c", "-D_DEBUG"],
    "assembly": ["-O3", "-S"],
    "ir": ["-O3", "-S", "-emit-llvm"],
}


@pytest.mark.parametrize("kind", FLAGS)
def test_groups_and_orders(kind: str, sources: list[str], tmp_path: Path, llvm_19: Path) -> None:
    runner, flags = Runner(2), FLAGS[kind]
    suffix = ".s" if kind == "assembly" else ".ll" if kind == "ir" else ".o"
    clang = str(llvm_19 / "bin" / "clang")
    output = tmp_path / f"{sources[0]}.out"
    alone = {}
    for name in sources:
        done = runner.run([clang, *flags, "-o", f"{name}.alone", f"./{name}.c"], cwd=tmp_path)
        assert done.status == 0, done.stderr
        alone[name] = (tmp_path / f"{name}.alone").read_bytes()
    command = [clang, *flags, "-o", str(output), f"./{sources[0]}.c"]
    line = derive(command, f"./{sources[0]}.c", str(output), tmp_path, runner)
    assert isinstance(line, ShardLine), line
    chance = random.Random(kind)
    for _ in range(8):
        names = list(sources)
        chance.shuffle(names)
        hands = chance.randint(1, 5)
        groups = deal({name: chance.randint(1, 100) for name in names}, hands)
        for group in groups:
            chance.shuffle(group)
            done = runner.run([*line.arguments, *(f"./{name}.c" for name in group)], cwd=tmp_path)
            assert done.status == 0, done.stderr
        for name in names:
            path = tmp_path / f"{name}{suffix}"
            assert path.read_bytes() == alone[name], f"{name} in one of {groups}"
            path.unlink()


def _derived(tmp_path: Path, script: str, change: Callable[[Path], None] = lambda _: None) -> ShardLine | str:
    """Derive from a compiler that is a script."""
    clang = tmp_path / "clang"
    clang.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    clang.chmod(0o755)
    change(clang)
    return derive([str(clang), "-c", "-o", "x.o", "./x.c"], "./x.c", "x.o", tmp_path, Runner())


def test_derive(tmp_path: Path) -> None:
    said = ' "/real/clang" "-cc1" "-triple" "a b" "-main-file-name" "x.c" "-D\\\\"quoted\\\\"" '
    said += '"-o" "x.o" "-x" "c" "./x.c"'
    line = _derived(tmp_path, f"cat >&2 <<'END'\nclang version 19\nTarget: x\n{said}\nEND".replace("\\\\", "\\"))
    assert isinstance(line, ShardLine), line
    assert line.arguments[1:] == ("-cc1", "-triple", "a b", '-D"quoted"', "-x", "c")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no commands at all",
        ' "clang" "-cc1" "-main-file-name" "x.c" "-o" "x.s" "./x.c"',
        ' "clang" "-cc1" "-main-file-name" "y.c" "-o" "x.o" "./x.c"',
        ' "clang" "-cc1" "-main-file-name" "x.c" "-o" "x.o" "./y.c"',
        ' "clang" "-cc1" "-main-file-name" "x.c" "./x.c"',
        ' "clang" "-o" "x.o" "-main-file-name" "x.c" "./x.c"',
        ' "clang" "-cc1" "-o" "x.o" "-main-file-name" "x.c" "./x.c"\n "clang" "-cc1as" "-o" "x.o" "x.s"',
        ' "clang" "-cc1" "-main-file-name" "x.c" "-o" "x.o" "./x.c',
        ' "clang" "-cc1" "-main-file-name" "x.c" "./x.c" "-o"',
    ],
)
def test_what_cannot_be_derived(tmp_path: Path, said: str) -> None:
    line = _derived(tmp_path, f"cat >&2 <<'END'\n{said}\nEND")
    assert isinstance(line, str)
    assert line


def test_a_compiler_that_fails(tmp_path: Path) -> None:
    assert isinstance(_derived(tmp_path, "exit 1"), str)
    assert isinstance(_derived(tmp_path, "kill -9 $$"), str)


def test_no_compiler(tmp_path: Path) -> None:
    assert isinstance(_derived(tmp_path, "", lambda clang: clang.unlink()), str)


def test_few() -> None:
    assert shards.FEWEST > 1

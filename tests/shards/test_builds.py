"""Shards in real builds: the same header, and no uop lost, whatever clang does."""

from __future__ import annotations

from pathlib import Path

import pytest
from proof import compilers
from proof.bench import Bench

from support import trees
from support.scons import texts

pytestmark = pytest.mark.build

ALL = 8
BROKEN = "\n            this does not compile;"


@pytest.fixture
def bench(tmp_path: Path, llvm_19: Path, home: Path) -> Bench:
    """Eight uops, without a cache."""
    return Bench.make(tmp_path, llvm_19, home).using(cache="off")


def shard_runs(bench: Bench) -> int:
    """How many shards the last build ran."""
    return sum("-cc1" in words for words in compilers.Notes(bench.folder / "notes" / "build").runs())


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("jobs", [1, 2, 4, 16])
def test_the_same_header(bench: Bench, jobs: int, debug: str) -> None:
    alone = bench.clean(debug=debug)
    assert "0 compiled in shards" in alone.done.stdout
    built = bench.using(jobs).ok(debug=debug)
    assert built.headers == alone.headers
    assert f"{ALL - 1} compiled in shards, 1 compiled alone" in built.done.stdout
    assert 0 < shard_runs(bench) <= jobs


def test_off(bench: Bench) -> None:
    built = bench.ok(shards="off")
    assert shard_runs(bench) == 0
    assert set(built.compiled.values()) == {1}


def test_few_are_compiled_alone(bench: Bench) -> None:
    bench.ok()
    trees.edit(trees.cases_file(bench.tree), "mini_mix(value, 5)", "mini_mix(value, 6)")
    assert set(bench.ok().compiled) == {"_MIX"}
    assert shard_runs(bench) == 0


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize(
    "broken", [[0], [3], [6], [0, 6], [2, 3, 4], [0, 1, 2, 3, 4, 5, 6]], ids=lambda broken: f"{broken}"
)
def test_a_uop_that_does_not_compile(bench: Bench, broken: list[int], jobs: int) -> None:
    """The others are built, and what is wrong is said once, where the user wrote it."""
    cases = bench.cases()
    names = [list(cases)[number] for number in broken]
    bench.write_cases({name: body + BROKEN * (name in names) for name, body in cases.items()})
    built = bench.using(jobs).build("-k")
    assert built.done.status != 0
    assert not built.done.has_traceback
    path = trees.cases_file(bench.tree)
    lines = [
        number
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line == BROKEN.strip("\n")
    ]
    assert len(lines) == len(names)
    for line in lines:
        assert built.done.output.count(f"{path}:{line}:13: error: use of undeclared identifier 'this'") == 1
    assert built.done.output.count("error: use of undeclared") == len(names)
    assert built.done.counts.failed == len(names)
    made = {path.stem for path in bench.out.glob("uops/*/obj/*.o")}
    assert made == {*cases, "shim"} - set(names)
    assert not texts(bench.out, "jit_stencils-*.h")
    bench.write_cases(cases)
    built = bench.ok()
    assert built.headers == bench.clean().headers
    assert set(built.compiled) == set(names)


@pytest.mark.parametrize("said", [{}, {"shards": "off"}], ids=["shards", "alone"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_warning_is_shown_once(bench: Bench, said: dict[str, str], jobs: int) -> None:
    built = bench.using(jobs).ok(**said)
    path = trees.cases_file(bench.tree)
    line = trees.line_of(path, "tstate->counts[0] == CURRENT_OPARG();")
    assert built.done.output.count("unused [-Wunused-comparison]") == 1
    assert f"{path}:{line}:31: warning: " in built.done.output
    assert "generated." not in built.done.output


@pytest.mark.parametrize(
    "how", ["kill -9 $$", "kill -11 $$", "exit 1", "exit 139", "echo >&2 PLEASE submit a bug; exit 1"]
)
def test_a_shard_that_dies(bench: Bench, how: str) -> None:
    """Its uops are compiled alone."""
    compilers.write_clang(bench.prefix, bench.real, "dies", f'[ "$1" != -cc1 ] || {{ {how}; }}')
    built = bench.ok()
    assert f"0 compiled in shards, {ALL} compiled alone" in built.done.stdout
    assert built.headers == bench.clean().headers


def test_a_shard_that_dies_half_way(bench: Bench) -> None:
    """Killed behind its second source: two objects are there, and they are whole."""
    script = """if [ "$1" = -cc1 ] && [ ! -e "$COPYPATCH_PROOF_NOTES/../died" ]; then
        touch "$COPYPATCH_PROOF_NOTES/../died"
        set -- "$@" /dev/null/nothing.c
        REAL "$@"
        kill -9 $$
    fi"""
    script = script.replace("REAL", str(bench.real / "bin" / "clang"))
    compilers.write_clang(bench.prefix, bench.real, "half", script)
    built = bench.using(1).ok()
    assert built.headers == bench.clean().headers


def test_an_object_that_is_not_whole(bench: Bench) -> None:
    """A clang that is killed may leave the beginning of an object."""
    script = """if [ "$1" = -cc1 ]; then
        for last; do :; done
        for name; do case "$name" in ./*.c) echo half >"${name%.c}.o"; break ;; esac; done
        kill -9 $$
    fi"""
    compilers.write_clang(bench.prefix, bench.real, "leaves halves", script)
    built = bench.ok()
    assert built.headers == bench.clean().headers


@pytest.mark.parametrize(
    "script",
    [
        'case " $* " in *" -### "*) exit 1 ;; esac',
        'case " $* " in *" -### "*) exit 0 ;; esac',
        """case " $* " in *" -### "*) echo ' "clang" "-cc1" "./other.c"' >&2; exit 0 ;; esac""",
    ],
)
def test_a_line_that_cannot_be_derived(bench: Bench, script: str) -> None:
    compilers.write_clang(bench.prefix, bench.real, "silent", script)
    built = bench.ok()
    assert built.headers == bench.clean().headers
    assert built.done.output.count("copypatch: warning: ") == 1, built.done.output
    assert "alone" in built.done.stderr
    assert shard_runs(bench) == 0


def test_other_bytes_in_a_shard(bench: Bench) -> None:
    """The trial finds it out: all that shards made is dropped, and the verdict is remembered."""
    script = """if [ "$1" = -cc1 ]; then
        for word; do
            shift
            case "$word" in -O?) word=-O1 ;; esac
            set -- "$@" "$word"
        done
    fi"""
    compilers.write_clang(bench.prefix, bench.real, "other", script)
    built = bench.ok()
    assert built.headers == bench.clean().headers
    assert "differently" in built.done.stderr
    assert built.done.output.count("copypatch: warning: ") == 1, built.done.output
    # Every uop is stale again: it is known by now.
    trees.edit(bench.tree / "Include" / "internal" / "pycore_mini.h", "salt << 7", "salt << 9")
    built = bench.ok()
    assert shard_runs(bench) == 0
    assert "shards are off" in built.done.stderr
    assert built.headers == bench.clean().headers


def test_a_better_compiler_is_tried_again(bench: Bench) -> None:
    compilers.write_clang(bench.prefix, bench.real, "silent", 'case " $* " in *" -### "*) exit 1 ;; esac')
    bench.ok()
    compilers.write_clang(bench.prefix, bench.real, "plain")
    built = bench.ok()
    assert f"{ALL - 1} compiled in shards" in built.done.stdout
    assert "warning: " not in built.done.stderr.replace("warning: equality", "")


@pytest.mark.parametrize("jobs", [1, 4])
def test_two_steps(tmp_path: Path, llvm_18: Path, home: Path, jobs: int) -> None:
    """3.13 goes by way of IR: both steps are done in shards."""
    bench = Bench.make(tmp_path, llvm_18, home, "3.13").using(jobs, cache="off")
    built = bench.ok()
    assert " 0 compiled in shards" not in built.done.stdout
    runs = [words for words in compilers.Notes(bench.folder / "notes" / "build").runs() if "-cc1" in words]
    kinds = {word.rpartition(".")[2] for words in runs for word in words if word.startswith("./_")}
    assert kinds == {"c", "ll"}
    assert built.headers == bench.clean().headers
    assert not bench.ok().compiled
    # A uop that does not compile, in either form of the template: all say so, but once.
    cases = bench.cases()
    bench.write_cases({**cases, "_NOP": cases["_NOP"] + BROKEN})
    built = bench.build("-k")
    assert built.done.status != 0
    assert not built.done.has_traceback
    bench.write_cases(cases)
    assert bench.ok().headers == bench.clean().headers

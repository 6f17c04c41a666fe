"""Damage to the cache and to the output folder: the next build is right, and says little."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from proof.bench import Bench

from support import trees

pytestmark = [pytest.mark.build, pytest.mark.slow]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 3, len(content), max(1, len(content) // 7)):
        content[place] ^= 0x21
    path.write_bytes(bytes(content))


def _aside(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").touch()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _link(path: Path) -> None:
    """What was here is somewhere else now, and has other content."""
    other = path.with_name("~elsewhere")
    path.rename(other)
    _flip(other)
    path.symlink_to(other.name)


def _end_of_another(path: Path) -> None:
    """The head of the file, and the end of another one of the same kind."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + content[: len(content) // 2])


WAYS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("deleted", _aside),
    ("emptied", lambda path: path.write_bytes(b"")),
    ("truncated", lambda path: os.truncate(path, path.stat().st_size // 2)),
    ("flipped", _flip),
    ("mixed", _end_of_another),
    ("a folder", _folder),
    ("a dangling link", _dangling),
    ("a link", _link),
    ("not readable", lambda path: path.chmod(0)),
    ("not writable", lambda path: path.chmod(0o444)),
)
OUTPUTS = (
    "jit_stencils.h",
    "jit_stencils-*.h",
    "uops/lock",
    "uops/sconsign.dblite",
    "uops/toolchain.json",
    "uops/*/manifest.json",
    "uops/*/expansion.json",
    "uops/*/shards.json",
    "uops/*/src/_MIX.c",
    "uops/*/src/copypatch-prefix.h",
    "uops/*/src/copypatch-prefix.pch",
    "uops/*/obj/_MIX.o",
    "uops/*/json/_MIX.json",
    "uops/*/dis/_MIX.dis",
    "uops/*/holes/_MIX.holes.json",
    "uops/*/fragments/_MIX.h",
    "uops/*/expand/all.c",
    "uops/*/expand/texts.json",
)
CACHE = ("v*/cache.db", "v*/create.lock")


def _edit(bench: Bench, number: int) -> None:
    trees.edit(trees.cases_file(bench.tree), "mini_mix(value, 5)", f"mini_mix(value, 5 + {number})")


def _check(bench: Bench, *, warnings: int, **variables: str) -> None:
    clean = bench.clean()
    assert clean.done.status == 0, clean.done.output
    for again in (False, True):
        built = bench.ok(**variables)
        assert built.headers == clean.headers
        words = built.done.output.count("copypatch: warning")
        assert words <= warnings, built.done.output
        if again:
            assert not built.compiled, "the damage was not made good"


@pytest.mark.parametrize("pattern", OUTPUTS)
def test_output(bench: Bench, pattern: str) -> None:
    """Every way of damage to one output, each with and without an edit of the uop that it belongs to."""
    bench.ok()
    failed = []
    for number, (name, way) in enumerate(WAYS):
        # A damage that cannot be mended would spoil the ways after it.
        for graph in ("auto", "full"):
            found = sorted(bench.out.glob(pattern))
            if not found:
                failed.append(f"{name} (graph={graph}): was not made again before")
                shutil.rmtree(bench.out)
                bench.ok()
                found = sorted(bench.out.glob(pattern))
            way(found[0])
            if number % 2:
                bench.write_cases(
                    {**bench.cases(), "_NEW_1": f"            tstate->counts[0] = {number};\n            break;"}
                )
            try:
                _check(bench, warnings=1, graph=graph, cache="off" if number % 3 else str(bench.cache))
            except AssertionError as error:
                failed.append(f"{name} (graph={graph}): {error}")
                shutil.rmtree(bench.out)
                bench.ok()
    assert not failed, "\n".join(failed)


def _damage_all(bench: Bench, pattern: str, way: Callable[[Path], object]) -> None:
    for path in sorted(bench.cache.glob(pattern)):
        way(path)


@pytest.mark.parametrize(("name", "way"), WAYS, ids=[name for name, _ in WAYS])
@pytest.mark.parametrize("pattern", CACHE)
def test_cache(bench: Bench, name: str, way: Callable[[Path], object], pattern: str) -> None:
    bench.ok()
    _damage_all(bench, pattern, way)
    shutil.rmtree(bench.out)
    _check(bench, warnings=1)
    _edit(bench, 1)
    _check(bench, warnings=1)


@pytest.mark.parametrize("mode", [0o500, 0o777, 0o770])
def test_cache_folder(bench: Bench, mode: int) -> None:
    bench.ok()
    for folder in (bench.cache, *bench.cache.glob("v*")):
        folder.chmod(mode)
    shutil.rmtree(bench.out)
    try:
        _check(bench, warnings=1)
    finally:
        for folder in (bench.cache, *bench.cache.glob("v*")):
            folder.chmod(0o700)


@pytest.mark.parametrize("kind", ["a file", "a dangling link", "a folder of others"])
def test_cache_is_no_folder(bench: Bench, kind: str) -> None:
    if kind == "a file":
        bench.cache.write_text("", encoding="utf-8")
    elif kind == "a dangling link":
        bench.cache.symlink_to("nowhere/at/all")
    else:
        (bench.cache / "v1" / "00").mkdir(parents=True)
        (bench.cache / "v1" / "cache.db").write_bytes(b"not sqlite" * 1000)
    _check(bench, warnings=1)

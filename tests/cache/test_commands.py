"""`scons cache-stats` and `scons cache-prune`, and builds on a cache."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.scons import Done, Scons, texts

pytestmark = pytest.mark.build

ALL = 19
_STATS = re.compile(
    r"^cache: (?P<folder>.*): (?P<count>\d+) values, (?P<size>.*) of (?P<limit>.*) \(cache_limit=", re.M
)


@pytest.fixture
def cached(build: Scons, tmp_path: Path) -> Scons:
    """Scons on minitree, with a cache."""
    return Scons(build.home, build.project, {**build.variables, "cache": tmp_path / "cache"})


def stats(done: Done) -> re.Match[str]:
    found = _STATS.search(done.stdout)
    assert found is not None, done.output
    return found


def test_stats(cached: Scons, tmp_path: Path, out: Path) -> None:
    found = stats(cached.ok("cache-stats"))
    assert (found["count"], found["limit"]) == ("0", "2.0 GiB")
    assert Path(found["folder"]).is_relative_to(tmp_path / "cache")
    assert not out.exists(), "nothing was asked for but numbers"
    cached.ok()
    # An object and a fragment for each, but for the one with a warning.
    found = stats(cached.ok("cache-stats", cache_limit="500M"))
    assert (found["count"], found["limit"]) == (str(2 * (ALL - 1)), "500.0 MiB")


def test_prune(cached: Scons, out: Path) -> None:
    cached.ok()
    header = texts(out)
    before = int(stats(cached.ok("cache-stats"))["count"])
    cached.ok("cache-prune")
    assert int(stats(cached.ok("cache-stats"))["count"]) == before
    cached.ok("cache-prune", cache_limit="40K")
    assert int(stats(cached.ok("cache-stats"))["count"]) < before
    shutil.rmtree(out)
    cached.ok()
    assert texts(out) == header


def test_both(cached: Scons) -> None:
    cached.ok()
    assert int(stats(cached.ok("cache-prune", "cache-stats", cache_limit="1"))["count"]) == 0


@pytest.mark.parametrize("command", ["cache-stats", "cache-prune"])
def test_off(cached: Scons, command: str) -> None:
    assert "cache: off" in cached.ok(command, cache="off").stdout


@pytest.mark.parametrize("command", ["cache-stats", "cache-prune"])
def test_of_no_use(cached: Scons, tmp_path: Path, command: str) -> None:
    (tmp_path / "cache").write_bytes(b"")
    done = cached(command)
    assert not done.has_traceback, done.output
    assert "cannot be used" in done.output


@pytest.mark.parametrize("size", ["²", "0", "much", "-5M"])
def test_a_size_that_is_none(cached: Scons, size: str) -> None:
    done = cached("cache-prune", cache_limit=size)
    assert done.status != 0
    assert not done.has_traceback, done.output
    assert "cache_limit" in done.output


def test_restored(cached: Scons, out: Path) -> None:
    first = cached.ok().counts
    assert first.compiled == ALL
    header = texts(out)
    shutil.rmtree(out)
    second = cached.ok().counts
    # clang says something about one of them, which is not to be lost.
    assert (second.restored, second.compiled) == (ALL - 1, 1)
    assert texts(out) == header


@pytest.mark.parametrize("graph", ["auto", "full"])
def test_a_moved_tree(cached: Scons, tree: Path, tmp_path: Path, out: Path, graph: str) -> None:
    """No key holds a path: another checkout, in another folder, finds everything."""
    cached.ok(graph=graph)
    elsewhere = tmp_path / "another place" / "tree of mine"
    shutil.copytree(tree, elsewhere)
    done = cached.ok(cpython=elsewhere, out=tmp_path / "other", graph=graph)
    assert done.counts.restored == ALL - 1, done.output
    assert texts(tmp_path / "other") == texts(out)


def test_a_small_limit(cached: Scons, out: Path) -> None:
    """A cache that holds less than one header is of little use, and no harm."""
    clean = out.with_name("clean")
    cached.ok(out=clean, cache="off")
    for _ in range(3):
        done = cached.ok(cache_limit="1K")
        assert "warning: cache" not in done.output
        assert texts(out) == texts(clean)
        shutil.rmtree(out)

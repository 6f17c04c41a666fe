"""Damage to the cache and to the output folder: the next build is right, and says little."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from proof.bench import Bench, Built

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


# Whatever is in it is not ours: the build may also end with one clear message.
IN_THE_WAY = "a folder"
WAYS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("deleted", _aside),
    ("emptied", lambda path: path.write_bytes(b"")),
    ("truncated", lambda path: os.truncate(path, path.stat().st_size // 2)),
    ("flipped", _flip),
    ("mixed", _end_of_another),
    (IN_THE_WAY, _folder),
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


@dataclass
class Damaged:
    """A bench whose outputs are damaged over and over; *clean* remembers what is right, by all inputs."""

    bench: Bench
    clean: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    edits: int = 0

    def edit(self) -> None:
        """Edit a uop, forth and back."""
        self.edits += 1
        old, new = ("value, 5)", "value, 6)") if self.edits % 2 else ("value, 6)", "value, 5)")
        trees.edit(trees.cases_file(self.bench.tree), f"mini_mix({old}", f"mini_mix({new}")

    def check(self, **variables: str) -> None:
        """The next build is right, with a warning at most, and the one after it has nothing to do."""
        inputs = self.bench.inputs()
        if inputs not in self.clean:
            built = self.bench.clean()
            assert built.done.status == 0, built.done.output
            self.clean[inputs] = built.headers
        self._compare(self.bench.ok(**variables), inputs)

    def check_told(self, path: Path, **variables: str) -> None:
        """The next build is right, or says in one message what is in its way."""
        built = self.bench.build(**variables)
        assert not built.has_traceback, built.done.output
        if built.done.status == 0:
            self.check(**variables)
        else:
            assert str(path) in built.done.output, built.done.output

    def _compare(self, built: Built, inputs: str) -> None:
        different = [name for name, text in self.clean[inputs].items() if built.headers.get(name) != text]
        assert not different, f"not the clean build's: {different}"
        assert built.done.output.count("copypatch: warning") <= 1, built.done.output


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory, llvm_19: Path, home: Path) -> Damaged:
    """One for all, as every build mends what was damaged."""
    return Damaged(Bench.make(tmp_path_factory.mktemp("damaged"), llvm_19, home))


@pytest.mark.parametrize("pattern", OUTPUTS)
def test_output(damaged: Damaged, pattern: str) -> None:
    """Every way of damage to an output; with an edit or without, the cache or without, and either graph."""
    bench, failed = damaged.bench, []
    for number, (name, way) in enumerate(WAYS):
        paths = sorted(bench.out.glob(pattern))
        if not paths or paths[0].is_symlink() or not paths[0].is_file():
            # Of no use to the build before, so it was left as it was.
            shutil.rmtree(bench.out, ignore_errors=True)
            # So that SCons keeps its database too.
            bench.ok(cache="off", graph="full")
            paths = sorted(bench.out.glob(pattern))
        way(paths[0])
        if number % 3:
            damaged.edit()
        said = {"graph": "full" if number % 2 else "auto", "cache": "off" if number % 4 < 2 else str(bench.cache)}
        try:
            if name == IN_THE_WAY:
                damaged.check_told(paths[0], **said)
            else:
                damaged.check(**said)
        except AssertionError as error:
            failed.append(f"{name} {said}: {error}")
            shutil.rmtree(bench.out, ignore_errors=True)
    assert not failed, "\n".join(failed)


def _damage_all(bench: Bench, pattern: str, way: Callable[[Path], object]) -> None:
    for path in sorted(bench.cache.glob(pattern)):
        way(path)


@pytest.mark.parametrize("pattern", CACHE)
def test_cache(damaged: Damaged, pattern: str) -> None:
    bench, failed = damaged.bench, []
    for name, way in WAYS:
        for path in (bench.cache, bench.out):
            shutil.rmtree(path, ignore_errors=True)
        bench.ok()
        _damage_all(bench, pattern, way)
        shutil.rmtree(bench.out, ignore_errors=True)
        try:
            damaged.check()
            damaged.edit()
            damaged.check()
        except AssertionError as error:
            failed.append(f"{name}: {error}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("mode", [0o500, 0o777, 0o770])
def test_cache_folder(damaged: Damaged, mode: int) -> None:
    bench = damaged.bench
    for path in (bench.cache, bench.out):
        shutil.rmtree(path, ignore_errors=True)
    bench.ok()
    folders = [bench.cache, *bench.cache.glob("v*")]
    try:
        for folder in folders:
            folder.chmod(mode)
        shutil.rmtree(bench.out, ignore_errors=True)
        damaged.check()
    finally:
        for folder in folders:
            folder.chmod(0o700)


@pytest.mark.parametrize("kind", ["a file", "a dangling link", "a folder of others"])
def test_cache_is_no_folder(damaged: Damaged, kind: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    if kind == "a file":
        cache.write_text("", encoding="utf-8")
    elif kind == "a dangling link":
        cache.symlink_to("nowhere/at/all")
    else:
        (cache / "v1" / "00").mkdir(parents=True)
        (cache / "v1" / "cache.db").write_bytes(b"not sqlite" * 1000)
    shutil.rmtree(damaged.bench.out, ignore_errors=True)
    damaged.check(cache=str(cache))

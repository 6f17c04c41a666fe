"""Builds that end before their time: the old header stays whole, and the next build ends right."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from proof import compilers
from proof.bench import Bench, Built
from proof.compilers import NOTES

from support import trees
from support.scons import texts

pytestmark = [pytest.mark.build, pytest.mark.slow]

MINI = Path("Include/internal/pycore_mini.h")
ALL = 8


# Runs a command whose files, and those of its children, may not grow over a size.
_LIMITED = (
    "import os, resource, sys; size = int(sys.argv[1]); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); os.execv(sys.argv[2], sys.argv[2:])"
)


def start(bench: Bench, *arguments: str, limit: int | None = None, **variables: str) -> subprocess.Popen[str]:
    """Start a build in a process group of its own. No file of it may grow over *limit* bytes."""
    scons = bench.scons()
    before = [] if limit is None else [sys.executable, "-c", _LIMITED, str(limit)]
    return subprocess.Popen(
        [*before, *scons.command("-Q", *arguments, **variables)],
        cwd=bench.project,
        env=scons.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def stale(bench: Bench, number: int) -> None:
    """Make every uop stale, in a way that shows in the header of a build of its own."""
    path = bench.tree / MINI
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("salt << ")
    path.write_text(f"{head}salt << {number}{rest[rest.index(';') :]}", encoding="utf-8")


def clean_headers(bench: Bench, **variables: str) -> Mapping[str, bytes]:
    """The headers of a clean build."""
    built = bench.clean(**variables)
    assert built.done.status == 0, built.done.output
    return built.headers


def quiet(built: Built) -> bool:
    """Whether nothing was said of what was left of another build."""
    return not built.has_traceback and "copypatch: warning" not in built.done.output


def test_killed_at_any_moment(bench: Bench, proof_seed: int, proof_kills: int) -> None:
    chance = random.Random(proof_seed)
    old = bench.ok().headers
    begin = time.monotonic()
    stale(bench, 10)
    old = bench.ok().headers
    duration = time.monotonic() - begin
    survived = 0
    for number in range(proof_kills):
        # Twelve contents by turns: some of what is wanted is in the cache, some is not.
        stale(bench, 11 + number % 12)
        if chance.random() < 0.5:
            shutil.rmtree(bench.cache, ignore_errors=True)
        if chance.random() < 0.1:
            shutil.rmtree(bench.out, ignore_errors=True)
            old = {}
        how = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
        graph = chance.choice(["auto", "full"])
        new = clean_headers(bench)
        process = start(bench, graph=graph)
        time.sleep(chance.uniform(0, duration))
        story = f"--proof-seed={proof_seed}, build {number}, {how.name}, in {bench.folder}"
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            survived += 1
        said, _ = process.communicate(timeout=60)
        for name, content in texts(bench.out).items():
            assert content in (old.get(name), new[name]), f"{story}: {name} is neither the old nor the new one"
        if how != signal.SIGKILL:
            # Until our own code runs, an interrupt is Python's and SCons's to tell.
            assert "Traceback" not in said or "site_scons" not in said, f"{story}: {said}"
        built = bench.ok(graph=graph)
        assert built.headers == new, story
        assert quiet(built), f"{story}: {built.done.output}"
        assert not bench.ok().compiled, story
        old = new
        left = [path for path in bench.out.rglob("*.tmp*") if path.is_file()]
        assert len(left) < 20, f"{story}: {len(left)} temporary files are left behind"
    print(f"--proof-seed={proof_seed}: {proof_kills} builds were cut short, {survived} of them too late")


def _kill_group_in(bench: Bench, tool: str) -> None:
    """Let a tool kill the whole build before it does its work."""
    path = bench.prefix / "bin" / tool
    text = path.read_text(encoding="utf-8")
    kill = '[ "$1" = --version ] || [ ! -e "${COPYPATCH_PROOF_KILL:-/nonexistent}" ] || kill -9 0\n'
    path.write_text(text.replace("#!/bin/sh\n", f"#!/bin/sh\n{kill}"), encoding="utf-8")


@pytest.mark.parametrize("graph", ["auto", "full"])
def test_what_was_compiled_is_not_lost(bench: Bench, graph: str) -> None:
    """Killed behind the compiler: the objects come out of the cache."""
    for tool in ("llvm-readobj", "llvm-objdump"):
        _kill_group_in(bench, tool)
    switch = bench.folder / "kill"
    bench = bench.using(environ={"COPYPATCH_PROOF_KILL": str(switch)}, graph=graph)
    old = bench.ok().headers
    stale(bench, 20)
    switch.touch()
    process = start(bench)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert texts(bench.out) == old
    switch.unlink()
    built = bench.ok()
    # But for those with a warning, which is not to be lost either.
    assert set(built.compiled) <= {"_WARN"}
    assert built.headers == clean_headers(bench)


def test_what_was_compiled_alone_is_not_lost(bench: Bench) -> None:
    """Killed between two runs of the compiler: what the first has made is in the cache."""
    count, switch = bench.folder / "count", bench.folder / "kill"
    script = (
        f'if [ -e {switch} ]; then case " $* " in *" -o /"*) echo >>{count}; '
        f"[ $(wc -l <{count}) -lt 6 ] || kill -9 0 ;; esac; fi"
    )
    compilers.write_clang(bench.prefix, bench.real, script=script)
    bench = bench.using(1, shards="off")
    bench.ok()
    stale(bench, 20)
    switch.touch()
    process = start(bench)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    switch.unlink()
    built = bench.ok()
    assert built.headers == clean_headers(bench)
    assert len(built.compiled) < ALL, "all of it is compiled again"


@pytest.mark.parametrize("graph", ["auto", "full"])
def test_clang_is_killed_in_a_shard(bench: Bench, graph: str) -> None:
    old = bench.ok(graph=graph).headers
    compilers.write_clang(bench.prefix, bench.real, "killed", '[ "$1" != -cc1 ] || kill -9 $$')
    stale(bench, 20)
    built = bench.ok(graph=graph)
    assert built.headers != old
    assert "0 compiled in shards" in built.done.stdout
    compilers.write_clang(bench.prefix, bench.real)
    assert built.headers == clean_headers(bench)


def test_clang_always_crashes(bench: Bench) -> None:
    """Not even alone does it work: an error, and the old header."""
    old = bench.ok().headers
    script = 'case " $* " in *" -E "*|*c-header*|*--version*|*" -### "*) ;; *) kill -11 $$ ;; esac'
    compilers.write_clang(bench.prefix, bench.real, "crashes", script)
    stale(bench, 20)
    built = bench.build()
    assert built.done.status != 0
    assert "killed by signal 11" in built.done.output
    assert not built.has_traceback
    assert built.headers == old
    compilers.write_clang(bench.prefix, bench.real)
    built = bench.ok()
    assert built.headers == clean_headers(bench)


@pytest.mark.parametrize("size", [0, 300, 4_000, 20_000, 60_000, 300_000])
def test_no_room_for_files(bench: Bench, size: int) -> None:
    """As on a full disk, writing fails: no file may grow over a size; clang is killed for trying."""
    old = bench.ok().headers
    stale(bench, 20)
    process = start(bench, limit=size)
    said, _ = process.communicate(timeout=60)
    assert "Traceback" not in said, said
    new = clean_headers(bench)
    for name, content in texts(bench.out).items():
        assert content in (old[name], new[name])
    if process.returncode == 0:
        assert texts(bench.out) == new, said
    built = bench.ok()
    assert built.headers == new
    assert not bench.ok().compiled


def _finish(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)
    assert not [text for text in said if "Traceback" in text or "warning: cache" in text], "\n".join(said)
    return said


def test_two_builds_in_one_folder(bench: Bench) -> None:
    """Of different headers: they take turns, and the last one's is there as a whole."""
    headers = [clean_headers(bench, cflags=cflags) for cflags in ("-O1", "-O2")]
    for _ in range(3):
        shutil.rmtree(bench.cache, ignore_errors=True)
        said = _finish([start(bench, cflags=cflags) for cflags in ("-O1", "-O2")])
        assert texts(bench.out) in headers
        assert sum("waiting for another build" in text for text in said) <= 1
    for cflags, header in zip(("-O1", "-O2"), headers, strict=True):
        assert bench.ok(cflags=cflags).headers == header


def test_sixteen_builds_in_one_folder(bench: Bench) -> None:
    """Only the first has anything to do."""
    notes = bench.folder / "many"
    notes.mkdir()
    many = bench.using(1, environ={NOTES: str(notes)})
    _finish([start(many) for _ in range(16)])
    compiled = compilers.Notes(notes).compiled()
    assert set(compiled.values()) == {1}
    assert len(compiled) == ALL
    assert texts(bench.out) == clean_headers(bench)


def test_sixteen_builds_on_one_cache(bench: Bench) -> None:
    """All make the database at the same time; no build fails or is wrong for it, and each finds it of use."""
    outs = [bench.folder / "outs" / str(number) for number in range(16)]
    _finish([start(bench.using(1), out=str(out)) for out in outs])
    header = clean_headers(bench)
    assert all(texts(out) == header for out in outs)
    built = bench.ok(out=str(bench.folder / "outs" / "last"))
    assert set(built.compiled) <= {"_WARN"}


def test_sixteen_different_builds_on_one_cache(bench: Bench) -> None:
    """Each builds another edit of the tree."""
    benches = []
    for number in range(16):
        other = Bench(
            bench.folder / "many" / str(number), bench.real, bench.home, {"cache": str(bench.cache)}, {}, 1
        )
        shutil.copytree(bench.tree, other.tree)
        for name in ("llvm", "project"):
            (other.folder / name).symlink_to(bench.folder / name)
        trees.edit(trees.cases_file(other.tree), "mini_mix(value, 5)", f"mini_mix(value, {number % 4})")
        benches.append(other)
    _finish([start(other) for other in benches])
    for other in benches[:4]:
        assert texts(other.out) == clean_headers(other)
    for other in benches[4:]:
        # But for the digest in the first line, it is that of the tree with the same edit.
        twin = benches[benches.index(other) % 4]
        assert texts(other.out) == texts(twin.out)

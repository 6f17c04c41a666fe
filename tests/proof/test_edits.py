"""After any edit: the clean build's header, and compiled is exactly what was never compiled before."""

from __future__ import annotations

import random
import shlex
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from proof.bench import Bench, Built
from proof.edits import broken, make_one
from proof.world import World

from support.scons import snapshot

pytestmark = [pytest.mark.build, pytest.mark.slow]


@dataclass
class Walk:
    """A random walk.

    *clean* remembers the headers of clean builds, None for inputs that do not build, and *failure* what those said.
    """

    world: World
    pool: ThreadPoolExecutor
    clean: dict[str, Mapping[str, bytes] | None] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    exact: int = 0
    doubtful: int = 0
    compiled: int = 0
    failed: int = 0

    def step(self) -> None:
        """Build, and check what came of it."""
        world, bench = self.world, self.world.bench
        said = world.variables()
        inputs = bench.inputs(said["debug"], said["cflags"])
        keys_of = self.pool.submit(world.expander.keys, inputs, debug=world.debug, cflags=shlex.split(world.cflags))
        clean_of = None if inputs in self.clean else self.pool.submit(self._clean, said)
        before = snapshot(bench.out)
        built = bench.using(world.jobs).build(**said)
        if clean_of is not None:
            self.clean[inputs], self.failure[inputs] = clean_of.result()
        clean, keys = self.clean[inputs], keys_of.result()
        assert not built.has_traceback, built.done.output
        if clean is None:
            assert built.done.status != 0, f"a clean build fails, this one did not: {self.failure[inputs]}"
            assert snapshot(bench.out) == before, "a build that failed touched the headers"
            self.failed += 1
            world.stuck = not broken(world) and not world.undo
            if keys is not None:
                self._after_failure(keys, built)
            return
        assert built.done.status == 0, built.done.output
        assert keys is not None
        different = _different(built.headers, clean)
        assert not different, f"not the clean build's: {different}"
        kept = snapshot(bench.out)
        rewritten = [name for name in before if before[name][0] == kept[name][0] and before[name] != kept[name]]
        assert not rewritten, f"written though unchanged: {rewritten}"
        self._check_compiled(keys, built)
        world.remember()

    def _clean(self, said: Mapping[str, str]) -> tuple[Mapping[str, bytes] | None, str]:
        built = self.world.bench.clean(debug=said["debug"], cflags=said["cflags"])
        return (built.headers, "") if built.done.status == 0 else (None, built.done.output)

    def _check_compiled(self, keys: dict[str, str], built: Built) -> None:
        world = self.world
        tool = world.tool_state()
        must, may = world.model.expect(world.kind, keys, cached=world.cache, full=world.full, tool=tool)
        compiled = set(built.compiled)
        assert must <= compiled, f"not compiled though new: {sorted(must - compiled)}"
        assert compiled <= must | may, f"compiled though not new: {sorted(compiled - must - may)}"
        twice = [name for name, count in built.compiled.items() if count > 1]
        assert not twice, f"compiled more than once: {twice}"
        assert built.done.counts.compiled == len(compiled), built.done.output
        self.exact += len(keys) - len(may)
        self.doubtful += len(may)
        self.compiled += len(compiled)
        world.model.built(world.kind, keys, compiled, cached=world.cache, full=world.full, tool=tool)

    def _after_failure(self, keys: dict[str, str], built: Built) -> None:
        """A uop does not compile: the others are built, or were; what the folder has of them is not certain."""
        world = self.world
        for name, key in keys.items():
            if name in built.compiled:
                known = world.model.known(world.kind, name)
                known.object, known.fragment, known.certain = key, "", False
                if world.cache and name not in broken(world):
                    world.model.cache.add(key)
            else:
                world.model.doubt(world.kind, name, fragment=True)
                # It may have come out of the cache.
                world.model.known(world.kind, name).perhaps.add(key)


def _different(these: Mapping[str, bytes], those: Mapping[str, bytes]) -> list[str]:
    """Name the headers that differ."""
    return [name for name in sorted({*these, *those}) if these.get(name) != those.get(name)]


def test_random_edits(bench: Bench, proof_seed: int, proof_steps: int) -> None:
    world = World(bench, random.Random(proof_seed), bench.cases())
    last: deque[str] = deque(maxlen=15)
    with ThreadPoolExecutor(2) as pool:
        walk = Walk(world, pool)
        walk.step()
        for number in range(1, proof_steps + 1):
            last.append(f"{number}: {make_one(world)}")
            try:
                walk.step()
            except AssertionError as error:
                steps = "\n  ".join(last)
                said = " ".join(f"{name}={shlex.quote(value)}" for name, value in world.variables().items())
                pytest.fail(
                    f"--proof-seed={proof_seed}, step {number}: {error}\nin {bench.folder} with {said}\n"
                    f"the last edits:\n  {steps}",
                    pytrace=False,
                )
    print(
        f"--proof-seed={proof_seed}: {proof_steps} steps, {len(walk.clean)} clean builds, {walk.failed} failures, "
        f"{walk.compiled} compiles; {walk.exact} decisions foretold exactly, {walk.doubtful} within bounds"
    )
    # A walk through trees that cannot be built proves nothing.
    assert walk.failed < 20 + proof_steps / 4

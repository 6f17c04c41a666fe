"""Our stencils against those of the trees' own generator, over objects that no compiler here can make.

The generator is run from its sectioned input on (its parser, its relocations, its writer) for every target that
it knows. For any well-formed object both must refuse, or both must write the same text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from property import objects
from property.pipeline import DIALECTS, Texts, fragment_of, group_of, header_of

from copypatch.dialects import Dialect, defines_function
from copypatch.errors import CopypatchError
from copypatch.files import read_text
from copypatch.triples import PLATFORMS, Platform
from provision import known

_WORKER = Path(__file__).with_name("generator_worker.py")


class Generator:
    """A tree's generator in a process of its own, and the dialect that is to match it."""

    def __init__(self, tools: Path, dialect: Dialect) -> None:
        self.dialect = dialect
        self._process = subprocess.Popen(
            [sys.executable, "-B", str(_WORKER), str(tools)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def header(self, triple: str, texts: list[Texts]) -> tuple[bool, str]:
        groups = [{"name": t.name, "sections": t.sections, "disassembly": t.disassembly} for t in texts]
        print(json.dumps({"triple": triple, "groups": groups}), file=_open(self._process.stdin), flush=True)
        ok, text = json.loads(_open(self._process.stdout).readline())
        return bool(ok), str(text)

    def close(self) -> None:
        _open(self._process.stdin).close()
        _open(self._process.stdout).close()
        self._process.wait()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.fixture(scope="module", params=["COPYPATCH_TREE_3_13", "COPYPATCH_TREE_3_14", "COPYPATCH_TOOLS_JIT_3_14"])
def generator(request: pytest.FixtureRequest) -> Iterator[Generator]:
    name = request.param
    provided = known()
    if name not in provided.places:
        pytest.skip(f"{name}: {provided.missing[name]}")
    place = provided.places[name]
    kind = "3.14"
    if "3_13" in name:
        paired = defines_function(read_text(place / "Python" / "jit.c"), "patch_aarch64_33rx")
        kind = "3.13-paired" if paired else "3.13"
    generator = Generator(place / "Tools" / "jit", DIALECTS[kind])
    yield generator
    generator.close()


def ours(texts: list[Texts], platform: Platform, dialect: Dialect) -> tuple[bool, str]:
    try:
        target = objects.target_of(platform)
        groups = [group_of(one, target, dialect) for one in texts]
        return True, header_of([fragment_of(group, dialect) for group in groups], dialect)
    except CopypatchError as error:
        return False, str(error)


DISASSEMBLIES = ("", "\n_A.o:\tfile format elf\n\n  \t\n0000 <_JIT_ENTRY>:\n   0: 90 \tnop  \n")


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
@settings(
    max_examples=int(os.environ.get("COPYPATCH_EXAMPLES", "8")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_object_gives_the_generators_text_or_both_refuse(
    generator: Generator, platform: Platform, data: st.DataObject
) -> None:
    dialect = generator.dialect
    texts = []
    for name in (dialect.entry, "_A", "_B", "_B1")[: data.draw(st.integers(1, 4))]:
        sections: str | None = None
        if name != dialect.entry or dialect.entry_steps(platform):
            entry = "_ENTRY" if name == "trampoline" else "_JIT_ENTRY"
            parts = data.draw(objects.objects(platform, entry=entry))
            sections = objects.readobj_text(parts, platform, f"{name}.o")
        texts.append(Texts(name, sections, data.draw(st.sampled_from(DISASSEMBLIES))))
    theirs, mine = generator.header(platform.example, texts), ours(texts, platform, dialect)
    if theirs[0] != mine[0] or theirs[0]:
        note(f"{platform.name}: {texts}")
        assert mine[1].splitlines() == theirs[1].splitlines()
        assert mine == theirs


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_the_golden_inputs_give_the_generators_text(generator: Generator, platform: Platform) -> None:
    dialect = generator.dialect
    inputs = _WORKER.parent.parent / "golden" / "inputs"
    sections = read_text(inputs / f"{platform.name}.readobj")
    disassembly = read_text(inputs / f"{platform.name}.objdump")
    texts = [Texts("_GOLD", sections, disassembly)]
    if dialect.entry_steps(platform):
        renamed = sections.replace('"_GOLD.o"', f'"{dialect.entry}.o"')
        texts.insert(0, Texts(dialect.entry, renamed, ""))
    else:
        texts.insert(0, Texts(dialect.entry, None))
    theirs = generator.header(platform.example, texts)
    assert theirs[0], theirs[1]
    assert ours(texts, platform, dialect) == theirs

"""Flags of a tree's own generator: asked for once, and the same in every checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from unit.test_tree_engine import generator, settings  # noqa: F401 (a fixture)

from copypatch import records, tree_flags
from copypatch.dialects import Flag, Step
from copypatch.errors import TreeError
from copypatch.tree_engine import Settings

STEPS = (Step(".ll", ("-S",), str.upper, "sample"), Step(".o", ("-c",)))


def flags_of(known: Settings, stated: tuple[Flag, ...] = ()) -> list[str]:
    """The flags as a key sees them."""
    folders = {"tree": known.passes.tools.parent, "pyconfig": known.pyconfig}
    found = tree_flags.asked(known, STEPS, stated, folders, known.bytecode.with_name("flags.json"))
    assert next(flag.argument() for flag in found if flag.path is not None) == f"-I{known.pyconfig}"
    return [flag.symbolic() for flag in found]


@pytest.fixture
def known(generator: Path) -> Settings:  # noqa: F811
    writer = generator / "_targets.py"
    writer.write_text(writer.read_text().replace("_A.", "_copypatch_none."))
    return settings(generator, generator, edits={".ll": ("call x", "call ghccc x")})


def edited(known: Settings, old: str, new: str) -> Settings:
    """The settings after an edit of the generator."""
    path = known.passes.tools / "_targets.py"
    path.write_text(path.read_text().replace(old, new))
    return settings(known.passes.tools, known.passes.tools, edits=known.edits)


def test_they_are_the_generators(known: Settings) -> None:
    assert flags_of(known) == ["-I<pyconfig>", "-O3"]
    folder = known.passes.tools.parent
    after = edited(known, '"-O3"', f'"-O1", "-I{folder}/Fork", "-fmap={folder}=.", "-I{folder}er"')
    assert flags_of(after) == ["-I<pyconfig>", "-O1", "-I<tree/Fork>", "-fmap=<tree>=.", f"-I{folder}er"]


def test_those_that_the_dialect_states_are_its_own(known: Settings) -> None:
    include = Flag("-I", known.pyconfig, "the folder of pyconfig.h")
    ours, stated = Flag("-iquote", known.pyconfig, "tools", ours=True), Flag("-O3")
    assert flags_of(known, (include, ours, stated)) == [flag.symbolic() for flag in (include, ours, stated)]
    # What is ours stays, whatever a fork does.
    after = edited(known, '"-O3"', '"-O2"')
    assert flags_of(after, (include, ours, stated)) == [include.symbolic(), "-O2", ours.symbolic()]


def test_they_are_asked_for_once(known: Settings) -> None:
    expected = flags_of(known)
    record = known.bytecode.with_name("flags.json")
    written = record.read_bytes()
    (known.passes.tools / "_targets.py").write_text("raise SystemExit\n")
    # Its files are those of before as far as the settings know, so nobody looks.
    assert flags_of(known) == expected
    record.write_bytes(written.replace(b"-O3", b"-O2"))
    with pytest.raises(TreeError):
        flags_of(known)


@pytest.mark.parametrize("kept", [[], {}, {"by": []}])
def test_a_record_of_another_version_is_none(known: Settings, kept: object) -> None:
    records.save(known.bytecode.with_name("flags.json"), kept)
    assert flags_of(known) == ["-I<pyconfig>", "-O3"]


def test_another_target_or_kind_of_build_has_its_own(known: Settings) -> None:
    flags_of(known)
    edited(known, "return Target()", "return None if 'linux' in triple else Target()")
    with pytest.raises(TreeError):
        flags_of(replace(known, debug=True))


def test_the_users_flags_are_not_the_generators(known: Settings) -> None:
    assert flags_of(replace(known, cflags="-DMINE=1")) == ["-I<pyconfig>", "-O3"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "_copypatch_none.o",
            "_copypatch_none.obj",
            r"makes \.ll and \.obj of a uop where copypatch makes \.ll and",
        ),
        ("_copypatch_none.", "another.", "makes nothing of a uop where copypatch makes"),
    ],
)
def test_other_steps_are_refused(known: Settings, old: str, new: str, words: str) -> None:
    with pytest.raises(TreeError, match=words):
        flags_of(edited(known, old, new))


def test_a_generator_that_fails_is_told(known: Settings) -> None:
    with pytest.raises(TreeError, match=r"flags: _targets\.py:\d+: KeyError: 'no such thing'"):
        flags_of(edited(known, "            flags = ", "            {}['no such thing']\n            flags = "))

"""The relocation table."""

from __future__ import annotations

import pytest

from copypatch.relocations import GOT_SLOT, KINDS, patch_functions
from copypatch.triples import PLATFORMS


def test_every_kind_belongs_to_a_target_that_there_is() -> None:
    targets = {(one.object_format, one.name.partition("-")[0]) for one in PLATFORMS}
    assert {(kind.object_format, kind.machine) for kind in KINDS.values()} == targets


def test_no_kind_is_twice_under_two_meanings() -> None:
    # A name tells the format, so that one table can hold all.
    prefixes = {"R_": "ELF", "IMAGE_REL_": "COFF", "ARM64_RELOC_": "Mach-O", "X86_64_RELOC_": "Mach-O"}
    for kind in KINDS.values():
        assert [value for prefix, value in prefixes.items() if kind.name.startswith(prefix)] == [
            kind.object_format.value
        ]


@pytest.mark.parametrize("dialect", ["3.13", "3.14", "embedded"])
def test_pairing_changes_the_functions_of_pairs_alone(dialect: str) -> None:
    plain, paired = (patch_functions(dialect, paired=choice) for choice in (False, True))
    assert plain.keys() == paired.keys()
    changed = {name for name in plain if plain[name] != paired[name]}
    assert {paired[name] for name in changed} == {"patch_aarch64_21rx", "patch_aarch64_12x"}
    assert not set(plain.values()) & {"patch_aarch64_21rx", "patch_aarch64_12x"}


def test_dialects_express_what_their_run_time_patches() -> None:
    old, new, embedded = (patch_functions(name, paired=False) for name in ("3.13", "3.14", "embedded"))
    assert "R_X86_64_PC32" in old.keys() - new.keys()
    assert "R_X86_64_PLT32" in new.keys() - old.keys()
    assert embedded.keys() > old.keys() | new.keys()
    assert all(GOT_SLOT in functions for functions in (old, new, embedded))


def test_the_table_cannot_be_changed_in_passing() -> None:
    with pytest.raises(TypeError):
        patch_functions("3.14", paired=False)["R_X86_64_64"] = "x"  # type: ignore[index]

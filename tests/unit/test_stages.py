"""An edit of our own code re-runs what that code makes, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from copypatch import stages

STAGES = ("source", "sections", "holes", "fragment", "merge")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "copypatch"
    shutil.copytree(Path(stages.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(stages, "_PACKAGE", copy)
    return copy


@pytest.mark.parametrize(
    ("module", "changed"),
    [
        ("cases.py", {"source"}),
        ("template.py", {"source"}),
        ("stencil.py", {"holes"}),
        ("far_calls.py", {"holes"}),
        ("readobj.py", {"sections", "holes"}),
        ("fragment.py", {"fragment", "merge"}),
        ("merge.py", {"merge"}),
        ("dialects/cpython_3_14.py", {"holes", "fragment", "merge"}),
        ("toolchain.py", set()),
        ("console.py", set()),
        ("trees.py", set()),
    ],
)
def test_an_edit_counts_for_the_stages_that_run_the_module(package: Path, module: str, changed: set[str]) -> None:
    before = {stage: stages.digest_of(stage) for stage in STAGES}
    with (package / module).open("a") as file:
        file.write("# edited\n")
    after = {stage: stages.digest_of(stage) for stage in STAGES}
    assert {stage for stage in STAGES if before[stage] != after[stage]} == changed


def test_a_new_dialect_counts(package: Path) -> None:
    before = stages.digest_of("holes")
    (package / "dialects" / "cpython_3_15.py").write_text("")
    assert stages.digest_of("holes") != before


def test_every_module_that_a_stage_names_is_there(package: Path) -> None:
    # A module that was renamed would be followed no longer.
    for patterns in stages._MODULES.values():
        for pattern in patterns:
            assert list(package.glob(pattern)), pattern


def test_an_unknown_stage_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        stages.digest_of("nonsense")

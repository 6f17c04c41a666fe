"""Fixtures of the pages' tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from docs import blocks
from docs.blocks import Check
from support.scons import Scons
from support.trees import ROOT


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that brings the pages up to date."""
    parser.addoption("--update-docs", action="store_true", help="put what was made now into the pages of docs/")


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory, home: Path, llvm_19: Path) -> Path:
    """The output folder of a build of the embedded templates with LLVM 19, everything in it."""
    out = tmp_path_factory.mktemp("embedded")
    # Nothing restored: every artefact on the way is to be there.
    Scons(home, variables={"out": out, "llvm": llvm_19, "cache": "off", "target": "x86_64-unknown-linux-gnu"}).ok()
    return out


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Compare the blocks of a page of docs/ with what was made now; with --update-docs, put it in."""

    def compare(name: str, texts: Mapping[str, str]) -> None:
        path = ROOT / "docs" / name
        page = path.read_text(encoding="utf-8")
        shown = blocks.find(page)
        assert shown.keys() == texts.keys()
        if request.config.getoption("--update-docs", default=False):
            path.write_text(blocks.update(page, texts), encoding="utf-8")
            return
        for block, text in texts.items():
            assert shown[block] == blocks.tidy(text), (
                f"{name}, {block}: out of date; run pytest tests/docs --update-docs"
            )

    return compare

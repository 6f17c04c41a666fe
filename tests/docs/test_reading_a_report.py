"""docs/reading-a-report.md shows what these commands print now, and its pictures are of such a report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.blocks import Check
from support import trees
from support.browser import Browser
from support.scons import Done, Scons
from support.trees import ROOT

pytestmark = pytest.mark.build
PAGE = ROOT / "docs" / "reading-a-report.md"
PICTURES = ROOT / "docs" / "pictures"

_CALL = "cp_string_equal(stack_pointer[-2].s, stack_pointer[-1].s)"
_LARGEST = 200_000


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, home: Path, llvm_19: Path) -> Callable[..., Done]:
    """Scons on a copy of the project, in which one uop was edited after the snapshot `before`."""
    folder = tmp_path_factory.mktemp("edited")
    trees.copy_project(folder / "project")
    variables: dict[str, str | Path] = {
        "out": folder / "out",
        "llvm": llvm_19,
        "target": "x86_64-unknown-linux-gnu",
    }
    scons = Scons(home, project=folder / "project", variables=variables)
    scons.ok("snapshot", name="before")
    cases = folder / "project" / "uop_templates" / "executor_cases.c.h"
    trees.edit(cases, _CALL, f"stack_pointer[-2].s == stack_pointer[-1].s || {_CALL}")
    scons.ok()
    return lambda *arguments, **said: scons.ok("-Q", *arguments, **said)


def _without_closing(done: Done) -> str:
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if not line.startswith("copypatch: "))


def test_what_the_page_shows_is_what_is_printed(edited: Callable[..., Done], check: Check) -> None:
    shown = _without_closing(edited("show", uop="_STRING_EQ"))
    # What differs from machine to machine.
    shown = re.sub(r"(?<=in )\d+(?= ms)", "19", re.sub(r"key [0-9a-f]{64}", "key (64 hexadecimal digits)", shown))
    check(
        "reading-a-report.md",
        {
            "diff": _without_closing(edited("diff", base="before")),
            "side-by-side": _without_closing(edited("diff", base="before", uop="_STRING_EQ")),
            "markdown": _without_closing(edited("diff", base="before", format="markdown")),
            "json": edited("diff", base="before", format="json").stdout,
            "show": shown,
        },
    )


def test_the_pictures_are_taken(
    request: pytest.FixtureRequest, edited: Callable[..., Done], place: Callable[[str], Path], tmp_path: Path
) -> None:
    if not request.config.getoption("--update-docs", default=False):
        pytest.skip("pictures are taken with --update-docs alone: no two machines draw the same letters")
    report = Path(re.findall(r"^report: (.*)$", edited("report", base="before").stdout, re.MULTILINE)[0])
    PICTURES.mkdir(exist_ok=True)
    with Browser(place("COPYPATCH_CHROMIUM"), tmp_path) as browser:
        browser.size(1120, 620)
        browser.open(report)
        browser.picture(PICTURES / "uops.png")
        browser.size(1120, 560, dark=True)
        browser.run("location.hash = '#/charts'")
        browser.run("new Promise(done => setTimeout(done, 200))")
        browser.run("scrollTo(0, document.getElementById('charts').offsetTop - 60)")
        browser.picture(PICTURES / "charts.png")
        browser.size(1180, 640)
        browser.run("location.hash = '#/uop/_STRING_EQ'")
        browser.wait_for("!document.getElementById('uop').hidden")
        # A card goes away when the page is scrolled, so only the second look stays.
        browser.point(".code .hole")
        browser.run("new Promise(done => setTimeout(done, 200))")
        browser.point("h1")
        browser.run("scrollTo(0, document.querySelector('.split').offsetTop - 60)")
        browser.run("new Promise(done => setTimeout(done, 200))")
        browser.run("document.querySelector('.code .hole').dispatchEvent(new Event('mouseenter'))")
        browser.picture(PICTURES / "uop.png")
        browser.size(390, 700)
        browser.run("scrollTo(0, 0)")
        browser.picture(PICTURES / "phone.png")
        assert browser.problems == []


def test_the_pictures_are_there_and_small() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\(pictures/([\w-]+\.png)\)", PAGE.read_text(encoding="utf-8")))
    assert shown
    assert shown == {path.name for path in PICTURES.iterdir()}
    for name in shown:
        content = (PICTURES / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < _LARGEST, name

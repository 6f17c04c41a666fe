"""The page of `scons report` in a browser: search, sort, open a uop, look at a hole, by mouse and by keyboard."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from copypatch import html_report
from copypatch.files import digest_file
from copypatch.report_data import PageData
from reports.conftest import MARKUP, SYMBOL, World
from support.browser import Browser
from support.trees import ROOT

pytestmark = pytest.mark.build
ROWS = "[...document.querySelectorAll('tr.row')].map(row => row.dataset.name)"


@pytest.fixture(scope="module")
def page(world: World) -> Path:
    """The report of the small tree, compared with its snapshot."""
    done = world.run("report", base="before")
    assert done.status == 0, done.output
    path = world.out / "report.html"
    assert f"report: {path}" in done.stdout
    return path


@pytest.fixture
def view(browser: Browser, page: Path) -> Browser:
    """The page, just opened on a large screen."""
    browser.size(1280, 900)
    browser.open(page)
    browser.problems.clear()
    return browser


def rows(view: Browser) -> list[str]:
    found: list[str] = view.run(ROWS)
    return found


def test_the_table_is_searched_and_sorted(view: Browser) -> None:
    assert len(rows(view)) == 19
    assert set(rows(view)[:2]) == {"_ADD", "_NEW_1"}, "what changed most is first"
    view.press("/", text="/")
    view.wait_for("document.activeElement.id === 'search'")
    view.type("add")
    assert sorted(rows(view)) == ["_ADD", "_ADD_TWICE"]
    assert view.run("document.getElementById('count').textContent") == "2 of 19 uops"
    view.press("Escape")
    assert len(rows(view)) == 19
    for attempt, order in ((1, True), (2, False)):
        view.click("#table th:nth-child(2) button")
        cells = view.run("[...document.querySelectorAll('tr.row td:nth-child(2)')].map(cell => cell.textContent)")
        sizes = [int(text.replace(",", "")) for text in cells]
        assert sizes == sorted(sizes, reverse=order), attempt
        sort = view.run("document.querySelector('#table th:nth-child(2)').getAttribute('aria-sort')")
        assert sort == ("descending" if order else "ascending")
    view.click("#filters button:nth-child(2)")
    assert sorted(rows(view)) == ["_ADD", "_NEW_1"]
    assert view.problems == []


def test_a_uop_is_opened_and_its_holes_are_told(view: Browser) -> None:
    view.click("tr.row[data-name='_ADD'] td:nth-child(4)")
    view.wait_for("!document.getElementById('uop').hidden")
    text = view.run("document.getElementById('uop').innerText")
    for part in ('mini_raise(tstate, "grown");', "movabsq", "Compared with snapshot before", "object", "fragment"):
        assert part in text, part
    assert re.search(r"clang took [\d.]+ m?s for it; the step \"compile\" took", text)
    holes = view.run("[...document.querySelectorAll('.code .hole')].map(one => one.textContent)")
    assert {"mini_add", "mini_raise", '"grown"'} <= set(holes)
    hole = f".code li:nth-child(n) .hole[data-hole='{view.run(_HOLE_OF_STRING)}']"
    for look in (lambda: view.point(hole), lambda: view.run(f"document.querySelector({json.dumps(hole)}).focus()")):
        view.run("document.activeElement.blur()")
        view.point("h1")
        assert view.run("document.getElementById('tip').hidden")
        look()
        tip = view.run("document.getElementById('tip').innerText")
        for part in ('"grown"', "patch_64", "(uintptr_t)data", "R_X86_64_64"):
            assert part in tip, part
    view.press("Escape")
    assert view.run("document.getElementById('tip').hidden")
    assert not view.run("document.getElementById('uop').hidden")
    view.press("Escape")
    view.wait_for("document.getElementById('uop').hidden")
    assert view.run("document.activeElement.textContent") == "_ADD", "back where it was"
    assert view.problems == []


_HOLE_OF_STRING = (
    "[...document.querySelectorAll('.code .hole')].find(one => one.textContent === '\"grown\"').dataset.hole"
)


def test_everything_is_within_reach_of_the_keyboard(view: Browser) -> None:
    view.press("/", text="/")
    view.wait_for("document.activeElement.id === 'search'")
    view.press("ArrowDown")
    view.press("ArrowDown")
    second = view.run(ROWS)[1]
    assert view.run("document.activeElement.textContent").startswith(second)
    view.press("Enter")
    view.wait_for("!document.getElementById('uop').hidden")
    assert view.run("document.querySelector('h1').textContent") == second
    view.press("ArrowRight")
    view.wait_for(f"document.querySelector('h1').textContent !== {json.dumps(second)}")
    view.press("ArrowLeft")
    view.wait_for(f"document.querySelector('h1').textContent === {json.dumps(second)}")
    view.press("Escape")
    view.wait_for("document.getElementById('uop').hidden")
    view.run("document.getElementById('lanes').focus()")
    view.press("ArrowRight")
    assert "took" in view.run("document.getElementById('tip').innerText")
    assert view.problems == []


def test_charts_timeline_and_reasons_are_drawn(view: Browser) -> None:
    assert view.run("document.querySelectorAll('.chart canvas').length") == 2
    pixels = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    assert view.run(f"[...document.querySelectorAll('.chart canvas')].every(canvas => {pixels}.some(part => part))")
    names = view.run("[...document.querySelectorAll('.event')].map(one => one.textContent)")
    assert {"compile", "merge"} <= set(names)
    assert "its case text changed" in view.run("document.getElementById('reasons').innerText")
    # A uop's name there leads to it.
    view.run("document.querySelectorAll('#reasons details').forEach(one => { one.open = true; })")
    view.run("[...document.querySelectorAll('#reasons a')].find(one => one.textContent === '_ADD').click()")
    view.wait_for("document.querySelector('h1')?.textContent === '_ADD'")
    assert view.problems == []


def test_text_of_the_tree_is_text(view: Browser, page: Path) -> None:
    assert view.run("document.title").startswith("copypatch")
    view.run("location.hash = '#/uop/_NEW_1'")
    view.wait_for("document.querySelector('h1')?.textContent === '_NEW_1'")
    text = view.run("document.getElementById('uop').textContent")
    assert text.count(MARKUP) == 2, "the comment and the string"
    assert SYMBOL in text
    view.run("document.querySelectorAll('.hole').forEach(one => one.focus())")
    assert view.run("document.title") == "_NEW_1 \u00b7 copypatch"
    assert view.run("document.images.length") == 0
    assert view.problems == []
    # And for readers that are no browser: no element that is not ours begins in the file.
    assert "<img" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_any_light(view: Browser, dark: bool) -> None:
    view.size(390, 844, dark=dark)
    for fragment in ("#/", "#/uop/_ADD"):
        view.run(f"location.hash = '{fragment}'")
        view.wait_for(f"document.getElementById('uop').hidden === {'false' if 'uop' in fragment else 'true'}")
        assert view.run("document.documentElement.scrollWidth") <= 390, fragment
    background = view.run("getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", background)[0])
    assert red < 60 if dark else red > 200
    assert view.problems == []


def test_five_thousand_uops(browser: Browser, tmp_path: Path) -> None:
    uops = [
        {"name": f"_UOP_{index:04}", "sizes": [index % 700, 8, 9, 3], "how": "up to date", "ms": None}
        for index in range(5000)
    ]
    target: dict[str, object] = {"name": "x-release", "triple": "x", "header": "x.h", "summary": "", "uops": uops}
    target |= {"totals": [1, 2, 3, 4], "before": None, "removed": {}}
    overview: dict[str, object] = {"tree": "3.14.7", "llvm": "19", "debug": False, "cflags": "", "base": None}
    overview |= {"closing": "", "targets": [target], "events": [], "reasons": []}
    html_report.write(tmp_path / "report.html", PageData(overview, [[_details(index) for index in range(5000)]]))
    browser.size(1280, 900)
    start = time.monotonic()
    browser.open(tmp_path / "report.html")
    browser.problems.clear()
    # Only what is in sight is there, however many there are.
    assert len(rows(browser)) < 80
    browser.run("document.getElementById('search').focus()")
    browser.type("4321")
    assert rows(browser) == ["_UOP_4321"]
    browser.press("Escape")
    browser.run("document.getElementById('scroll').scrollTop = 1e6")
    browser.wait_for("[...document.querySelectorAll('tr.row')].at(-1)?.dataset.name === '_UOP_4999'")
    browser.run("location.hash = '#/uop/_UOP_4999'")
    browser.wait_for("document.querySelector('h1')?.textContent === '_UOP_4999'")
    assert time.monotonic() - start < 10
    assert browser.problems == []


def _details(index: int) -> dict[str, object]:
    code: list[object] = [[offset, "4889d8", "movq %rbx, %rax", None, 0, []] for offset in range(0, 60, 3)]
    record: dict[str, object] = {"source": f"case _UOP_{index}: {{}}", "place": "x:1", "key": "", "origin": ""}
    return record | {"code": code, "data": "00" * 8, "holes": [], "chain": []}


def test_the_page_asks_nobody_for_anything(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    own = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL)
    # The library says where it is from, in a comment.
    assert set(re.findall(r"https?://[^\s\"'<>)\\]+", own)) == {"https://github.com/leeoniya/uPlot"}
    assert not re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=\"(?!data:)", text)


def test_the_charts_library_is_the_published_one() -> None:
    # uplot 1.6.32 of the npm registry, dist/. A newer one: copy the three files, and put its digests here.
    vendor = ROOT / "site_scons" / "copypatch" / "page" / "vendor"
    assert {path.name: digest_file(path) for path in vendor.iterdir()} == {
        "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
        "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    }


def test_the_licence_of_the_charts_library_goes_with_it(page: Path) -> None:
    licence = (ROOT / "site_scons" / "copypatch" / "page" / "vendor" / "LICENSE").read_text(encoding="utf-8")
    assert "MIT" in licence
    assert licence in page.read_text(encoding="utf-8")

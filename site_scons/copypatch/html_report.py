"""The page that `scons report` writes: one HTML file that holds all it needs and asks no network for anything.

What comes from the tree goes in as JSON and is shown as text, never as markup. The charts are drawn by uPlot
(page/vendor, MIT licence), whose licence goes into the page with it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from copypatch.files import write_if_changed
from copypatch.report_data import PageData

_PAGE = Path(__file__).parent / "page"
_LIBRARY = _PAGE / "vendor"
_SCRIPTS = ("common.js", "table.js", "charts.js", "timeline.js", "uop.js", "page.js")


def write(path: Path, data: PageData) -> None:
    """Write the page. Raises OutputError."""
    write_if_changed(path, text(data))


def text(data: PageData) -> str:
    """Return the text of the page."""
    title = f"copypatch: {data.overview['tree']}, {', '.join(one['name'] for one in data.overview['targets'])}"
    styles = _joined([_LIBRARY / "uPlot.min.css", _PAGE / "page.css"])
    licence, library = _joined([_LIBRARY / "LICENSE"]), _joined([_LIBRARY / "uPlot.iife.min.js"])
    scripts = _joined([_PAGE / name for name in _SCRIPTS])
    parts = {
        "title": html.escape(title),
        "styles": f"<style>\n{styles}</style>",
        "library": f"<script>\n/* uPlot\n{licence}*/\n{library}</script>",
        "scripts": f'<script>\n(() => {{\n"use strict";\n{scripts}}})();\n</script>',
        "data": "\n".join(_records(data)),
    }
    page = (_PAGE / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        # One after the other, with the tree's own text last: nothing in it can be taken for a place.
        page = page.replace(f"<!-- {name} -->", part, 1)
    return page


def _joined(files: Sequence[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _records(data: PageData) -> list[str]:
    records = [_record("data-overview", data.overview)]
    for target, uops in enumerate(data.details):
        records += [_record(f"data-{target}-{index}", uop) for index, uop in enumerate(uops)]
    return records


def _record(name: str, value: object) -> str:
    # Nothing in a script element ends it but "</script", and "<!--" changes how that is read. A name in a tree can
    # hold bytes that are not UTF-8 (see files.read_text); JSON's escapes keep the page valid.
    escaped = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json" id="{name}">{escaped}</script>'

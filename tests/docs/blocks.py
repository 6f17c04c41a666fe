"""Blocks of real output in a page: finding them, and putting new ones in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# Compares the blocks of a page (its name in docs/) with texts made now; the fixture `check` gives one.
Check = Callable[[str, Mapping[str, str]], None]

_BLOCK = re.compile(
    r"^<!-- real: (?P<name>[\w-]+) -->\n```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def find(page: str) -> dict[str, str]:
    """Return the blocks of a page by name. Raises ValueError when a name stands twice."""
    found: dict[str, str] = {}
    for match in _BLOCK.finditer(page):
        if match["name"] in found:
            raise ValueError(f"two blocks named {match['name']}")
        found[match["name"]] = match["text"]
    return found


def tidy(text: str) -> str:
    """Return a text without blanks at the ends of its lines, which no reader sees and editors take away."""
    return "".join(f"{line.rstrip()}\n" for line in text.removesuffix("\n").split("\n"))


def update(page: str, texts: Mapping[str, str]) -> str:
    """Return the page with the text of each block replaced. Raises KeyError for a block without a new text."""

    def block(match: re.Match[str]) -> str:
        return f"<!-- real: {match['name']} -->\n```{match['kind']}\n{tidy(texts[match['name']])}```"

    return _BLOCK.sub(block, page)

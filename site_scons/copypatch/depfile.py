"""Depfiles: the make rule in which clang lists the files that it read."""

from __future__ import annotations

import re
from pathlib import Path

# A backslash escapes a space, a hash or itself; a dollar stands twice; a backslash at a line's end continues it.
_TOKEN = re.compile(r"(?:\\[ #\\]|\$\$|[^\s\\]|\\(?!\n))+")
_ESCAPE = re.compile(r"\\([ #\\])|\$(\$)")


def parse(text: str) -> list[Path]:
    """Return the prerequisites of a depfile's one rule, in its order."""
    _, _, prerequisites = text.replace("\\\n", " ").partition(": ")
    return [Path(_ESCAPE.sub(lambda match: match[1] or match[2], token)) for token in _TOKEN.findall(prerequisites)]

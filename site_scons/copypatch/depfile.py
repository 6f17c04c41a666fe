"""Depfiles: the make rule in which clang lists the files that it read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

# A backslash escapes a space, a hash or itself; a dollar stands twice; a backslash at a line's end continues it.
_TOKEN = re.compile(r"(?:\\[ #\\]|\$\$|[^\s\\]|\\(?!\n))+")
_ESCAPE = re.compile(r"\\([ #\\])|\$(\$)")


def parse(text: str) -> list[Path]:
    """Return the prerequisites of a depfile's one rule, in its order."""
    _, _, prerequisites = text.replace("\\\n", " ").partition(": ")
    return [Path(_ESCAPE.sub(lambda match: match[1] or match[2], token)) for token in _TOKEN.findall(prerequisites)]


def write(target: str, prerequisites: Iterable[str]) -> str:
    """Return a depfile with one rule, as :func:`parse` and ninja read it."""
    names = [_SPECIAL.sub(lambda match: _QUOTED[match[0]], name) for name in (target, *prerequisites)]
    return f"{names[0]}: " + " \\\n  ".join(names[1:]) + "\n"


_QUOTED = MappingProxyType({" ": "\\ ", "#": "\\#", "$": "$$"})
_SPECIAL = re.compile(r"[ #$]")

"""The marks between the uops of a text that is expanded at once, and the names of the parts that are no uops."""

from __future__ import annotations

# A pragma is what the preprocessor leaves as it is.
MARK = "#pragma copypatch_part "
# The include block, and the template around an empty case.
PREFIX = "_prefix"
COMMON = "_common"
# What stands for the case of the latter.
NOBODY = "_copypatch_none"


def marked(name: str, text: str) -> str:
    """Return a text as one part of many."""
    return f"{MARK}{name}\n{text}\n"

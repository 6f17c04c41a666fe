"""Explanations: what changed in an expanded text, and in which header's line the user changed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from pathlib import Path

_SHOWN = 90
# A shorter text is found in too many lines to say where it is from.
_TELLING = 8


def first_change(before: str, after: str) -> tuple[str, str]:
    """Return the first lines in which two texts differ, stripped; "" for a line that is not there."""
    for old, new in zip_longest(before.splitlines(), after.splitlines(), fillvalue=""):
        if old != new:
            return old.strip(), new.strip()
    return "", ""


def find_line(headers: Iterable[Path], text: str) -> tuple[Path, int] | None:
    """Return the first line of the headers that expands to *text*, as far as reading can tell."""
    wanted = "".join(text.split())
    if len(wanted) < _TELLING:
        return None
    for header in headers:
        try:
            lines = header.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            squeezed = "".join(line.split())
            if len(squeezed) >= _TELLING and (squeezed in wanted or wanted in squeezed):
                return header, number
    return None


def describe_changes(
    before: Mapping[str, str], after: Mapping[str, str], changed_headers: Iterable[Path]
) -> dict[str, str]:
    """Say for every part whose expanded text changed, in which header or line, and from what to what.

    *changed_headers* are those whose files changed; parts that are new are left out.
    """
    headers = list(changed_headers)
    changes = {}
    for part, text in after.items():
        if part not in before or before[part] == text:
            continue
        old, new = first_change(before[part], text)
        place = find_line(headers, new)
        where = f"{place[0]}:{place[1]}" if place else ", ".join(str(header) for header in headers[:3])
        changes[part] = f"{f'{where}: ' if where else ''}{_cut(old)} became {_cut(new)}"
    return changes


def _cut(text: str) -> str:
    if not text:
        return "nothing"
    return f"`{text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}`"

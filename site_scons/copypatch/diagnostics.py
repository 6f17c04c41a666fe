"""clang's messages about a uop's source, told in terms of the files that the user wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

Locate = Callable[[int], tuple[Path, int]]

_PLACE = re.compile(r"^((?:In file included from )?)\./(\w+)\.c:(\d+)", re.MULTILINE)
# A message starts with a place; what it quotes and the notes to it follow.
_START = re.compile(r"^(?:In file included from )?\./(\w+)\.(?:c|opt\.s):\d+", re.MULTILINE)
_ASSEMBLY = re.compile(r"^\./(?=\w+\.opt\.s:\d)", re.MULTILINE)
# clang closes with a count, which says nothing that the messages do not.
_COUNT = re.compile(r"^\d+ (?:warning|error)s?(?: and \d+ errors?)? generated\.\n?", re.MULTILINE)


def relocate(text: str, locate: Mapping[str, Locate]) -> str:
    """Replace every ``./<op>.c:LINE`` by the file and line that *locate* of that uop gives."""

    def place(match: re.Match[str]) -> str:
        find = locate.get(match[2])
        if find is None:
            return match[0]
        path, line = find(int(match[3]))
        return f"{match[1]}{path}:{line}"

    return once(_PLACE.sub(place, _COUNT.sub("", text)))


def relocate_assembly(text: str, folder: Path) -> str:
    """Put *folder* in front of the name of every ``./<op>.opt.s``, which no user wrote."""
    return _ASSEMBLY.sub(lambda _: f"{folder}/", text)


# The line that says what is wrong; the lines before it say through which includes clang got there.
_MESSAGE = re.compile(
    r"^(?:In file included from [^\n]*\n)*[^\n]+:\d+:\d+: (?:fatal error|error|warning): ", re.MULTILINE
)


def once(text: str) -> str:
    """Return messages without repetitions: what is wrong with the template, every uop says."""
    starts = [match.start() for match in _MESSAGE.finditer(text)]
    if not starts:
        return text
    messages = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return "".join([text[: starts[0]], *dict.fromkeys(messages)])


def without(text: str, opname: str) -> str:
    """Return the messages that are not about one uop, out of those about many."""
    starts = [*_START.finditer(text)]
    kept = [text[: starts[0].start()] if starts else text]
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        if start[1] != opname:
            kept.append(text[start.start() : end])
    return "".join(kept)


def subjects(text: str, opnames: Collection[str]) -> set[str]:
    """Return the uops that messages are about: all of *opnames* where a message does not tell."""
    if not _COUNT.sub("", text).strip():
        return set()
    starts = [*_START.finditer(text)]
    if not starts or text[: starts[0].start()].strip():
        return set(opnames)
    return {start[1] for start in starts}

"""The compiler's flags, as a tree's own generator has them.

A fork edits them in Tools/jit/_targets.py, and a release that nobody knows yet has others. Keys need them before
anything runs, so the worker is asked for them ahead of all else; but only when Tools/jit or what it is told has
changed, for the answer is kept beside the artefacts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from copypatch import records
from copypatch.dialects import Flag, Step
from copypatch.errors import TreeError
from copypatch.marks import NOBODY
from copypatch.tree_engine import Settings, TreeEngine


def asked(
    settings: Settings, steps: Sequence[Step], stated: Sequence[Flag], folders: Mapping[str, Path], record: Path
) -> tuple[Flag, ...]:
    """Return the flags that the generator gives to the compiler for every uop, but for the user's.

    *steps* are the runs of the compiler that copypatch makes, *stated* the flags of the dialect, for those that it
    has. *folders* are the places that a flag may name, by what a key calls them. *record* is the file that keeps
    what the generator said. Raises TreeError, OutputError.
    """
    # The user's come after all others, wherever a generator has them.
    settings = replace(settings, cflags="", arguments={})
    by = [settings.line(), settings.passes.assembly, settings.passes.fragment]
    words = _kept(record, by)
    if words is None:
        words = _told(settings, steps)
        records.save(record, {"by": by, "words": words})
    known = [flag for flag in stated if not flag.ours]
    if words == [flag.argument() for flag in known]:
        return tuple(stated)
    by_word = {flag.argument(): flag for flag in known}
    theirs = [by_word.get(word) or _flag(word, folders) for word in words]
    return (*theirs, *(flag for flag in stated if flag.ours))


def _kept(record: Path, by: Sequence[str]) -> list[str] | None:
    # Another version may have kept something else.
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept: dict[str, Any] = records.load(record)
        if kept["by"] == by:
            words: list[str] = kept["words"]
            return words
    return None


def _told(settings: Settings, steps: Sequence[Step]) -> list[str]:
    said: dict[str, list[str]] = TreeEngine(settings).ask_one("flags", NOBODY)["words"]
    runs = [step.suffix for step in steps if not step.passes]
    if list(said) != runs:
        raise TreeError(
            f"{settings.passes.tools}: its generator makes {' and '.join(said) or 'nothing'} of a uop where "
            f"copypatch makes {' and '.join(runs)}, and cannot be followed there"
        )
    words, step = said[runs[0]], steps[0]
    own = [word for word in step.flags if word in words]
    return words[: -len(own)] if own and words[-len(own) :] == own else words


def _flag(word: str, folders: Mapping[str, Path]) -> Flag:
    """Return a flag that no dialect states. Where it names a place in a folder, the key is to see which."""
    # One may be inside another.
    for role, folder in sorted(folders.items(), key=lambda item: -len(item[1].parts)):
        text, found, rest = word.partition(str(folder))
        if found and (not rest or rest[0] in "/="):
            inside, separator, more = rest.partition("=")
            return Flag(text, Path(f"{folder}{inside}"), f"{role}{inside}", f"{separator}{more}")
    return Flag(word)

"""What clang says of a uop's source, told at the place where the user wrote it."""

from __future__ import annotations

import re
import sys

from copypatch import diagnostics
from copypatch.compile import locations
from copypatch.errors import CopypatchError
from copypatch.ninja import requests

_SOURCE = re.compile(r"^(?:In file included from )?\./(\w+)\.c:\d+", re.MULTILINE)


def run(out: str, name: str, messages: str) -> None:
    """Print clang's messages with the places of the user's files, as far as they can be found."""
    try:
        plan = requests.plan(out, name)
        opnames = [opname for opname in _SOURCE.findall(messages) if opname in plan.texts.by_name]
        messages = diagnostics.relocate(messages, locations(plan, list(dict.fromkeys(opnames))))
    except (CopypatchError, OSError):
        # A tree that is no longer what it was: clang's own words are better than none.
        pass
    sys.stderr.write(messages)

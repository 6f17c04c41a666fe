"""What the tree's own generator makes of an object, as a file, and as a fragment.

Where the tree's own passes make the stencils, this takes the place of the holes file: C text and an entry of the
header's table, in which ``@ordinal(symbol)@`` and ``@mask(symbol,...)@`` stand for what only the merge knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from copypatch.errors import HolesFileError, MergeError
from copypatch.fragment import Fragment, headed, number
from copypatch.merge import head, mask_of, named, ordinals
from copypatch.tree_engine import TreeEngine

FORMAT = 1


def dump(opname: str, made: Mapping[str, Any]) -> str:
    """Return the text of the file for what the worker replied."""
    record = {
        "format": FORMAT,
        "uop": opname,
        "code_size": made["code_size"],
        "data_size": made["data_size"],
        "symbols": made["symbols"],
        "group": made["group"],
        "text": made["text"].split("\n"),
    }
    return f"{json.dumps(record, indent=0)}\n"


def fragment_text(text: str, name: str) -> str:
    """Return the fragment of such a file; *name* is what messages call it. Raises HolesFileError."""
    try:
        record = json.loads(text)
        if record["format"] != FORMAT or "text" not in record:
            raise ValueError(f"format {record['format']}")
        known = {
            "uop": record["uop"],
            "code_size": record["code_size"],
            "data_size": record["data_size"],
            "trampolines": record["symbols"],
            "group": record["group"],
        }
        return headed(known, "\n".join(record["text"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HolesFileError(f"{name}: damaged ({error!r}); delete it and build again") from error


_MASK = re.compile(r"@mask\(([^()]*)\)@")
_FRAGMENT = re.compile(r"@fragment\((.*)\)@")


def header(first_lines: Sequence[str], fragments: Sequence[Fragment], engine: TreeEngine) -> str:
    """Return the text of a header as the tree words it. Raises TreeError, MergeError."""
    by_name = named(fragments)
    numbers = ordinals(fragments)

    def entry(fragment: Fragment) -> str:
        try:
            return _MASK.sub(lambda match: mask_of(match[1].split(","), numbers), fragment.group)
        except KeyError as error:
            raise MergeError(
                f"{fragment.opname}: damaged fragment, it uses {error} without saying so; delete it and build again"
            ) from error

    groups = {opname: entry(fragment) for opname, fragment in by_name.items()}
    lines: list[str] = engine.ask_one("header", groups, numbers)["lines"]
    parts = [head(first_lines)]
    for line in lines:
        place = _FRAGMENT.fullmatch(line)
        parts.append(number(by_name[place[1]], numbers) if place else f"{line}\n")
    return "".join(parts)

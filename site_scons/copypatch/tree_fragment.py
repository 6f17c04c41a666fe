"""What the tree's own generator makes of an object, as a file, and as a fragment.

Where a dialect has the tree's own passes, this takes the place of the holes file: C text and an entry of the
header's table, in which ``@ordinal(symbol)@`` and ``@mask(symbol,...)@`` stand for what only the merge knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from copypatch.errors import HolesFileError, MergeError
from copypatch.fragment import Fragment, headed
from copypatch.merge import mask_of, ordinals
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
        head = {
            "uop": record["uop"],
            "code_size": record["code_size"],
            "data_size": record["data_size"],
            "trampolines": record["symbols"],
            "group": record["group"],
        }
        return headed(head, "\n".join(record["text"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HolesFileError(f"{name}: damaged ({error!r}); delete it and build again") from error


_MASK = re.compile(r"@mask\(([^()]*)\)@")


def footer(engine: TreeEngine, fragments: Sequence[Fragment]) -> Iterator[str]:
    """Return the tables behind the fragments, as the tree words them. Raises TreeError, MergeError."""
    numbers = ordinals(fragments)

    def finished(fragment: Fragment) -> str:
        try:
            return _MASK.sub(lambda match: mask_of(match[1].split(","), numbers), fragment.group)
        except KeyError as error:
            raise MergeError(
                f"{fragment.opname}: damaged fragment, it uses {error} without saying so; delete it and build again"
            ) from error

    groups = {fragment.opname: finished(fragment) for fragment in fragments}
    lines: list[str] = engine.ask_one("footer", groups, numbers)["lines"]
    return iter(lines)

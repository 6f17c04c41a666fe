"""The worker's side of the protocol: requests are lines of JSON on standard input, replies on standard output."""

from __future__ import annotations

import json
import os
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from copypatch.tree_worker import OtherFlags, Refused, cause
from copypatch.tree_worker.driver import Worker

# Whose replies are to depend on nothing but what they are asked.
_OF_ONE_UOP = frozenset({"fragment", "optimise"})


def _answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    do: dict[str, Callable[..., dict[str, Any]]] = {
        "flags": worker.flags,
        "optimise": worker.optimise,
        "fragment": worker.fragment,
        "header": worker.header,
        "shim": worker.shim,
    }
    act, each = do[request["do"]], request["each"]
    try:
        replies = _replies(act, each)
        if each and request["do"] in _OF_ONE_UOP and (changed := worker.kept.changed()):
            # The other way round, each finds another state.
            for arguments, one, other in zip(each, replies, _replies(act, each[::-1])[::-1], strict=True):
                if one != other:
                    return {
                        "error": f"what they make of {arguments[0]} depends on {', '.join(changed)}, which is "
                        "kept from one uop to the next; copypatch makes each uop for itself"
                    }
    except OtherFlags as error:
        return {"error": str(error)}
    return {"replies": replies}


def _replies(act: Callable[..., dict[str, Any]], each: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    replies = []
    for arguments in each:
        try:
            replies.append(act(*arguments))
        except Exception as error:  # whatever code of the tree raises is told of the uop, and others go on
            if isinstance(reason := cause(error), OtherFlags):
                raise reason from error
            replies.append({"error": _told(error)})
    return replies


def _told(group: Exception) -> str:
    error = cause(group)
    if isinstance(error, Refused):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {error}"


def answer_all() -> None:
    """Answer requests until there are no more."""
    requests, replies = (
        os.fdopen(os.dup(0), encoding="utf-8", errors="surrogateescape"),
        os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogateescape"),
    )
    # What the tree's code prints is not for us.
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            worker = Worker(json.loads(requests.readline()), Path(scratch).resolve())
        except Exception as error:  # a tree whose files cannot be imported
            print(json.dumps({"error": _told(error)}), file=replies, flush=True)
            return
        print(json.dumps({"replies": []}), file=replies, flush=True)
        for line in requests:
            print(json.dumps(_answer(worker, json.loads(line))), file=replies, flush=True)

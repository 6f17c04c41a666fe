"""scons and ninja in turn on one folder: what each leaves so that the other does nothing again and misses nothing.

ninja compares mtimes, with its log and with each other; scons compares content. The stamps and sources that objects
depend on are ours alone, so their mtimes can say what ninja is to find: one that is long past says that the object
is of this very text, whatever ninja's log knows. And scons writes a file, on which ninja's steps depend, before it
changes anything: so they look again, by content, and end there if all is well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from copypatch.files import write_if_changed
from copypatch.freshness import without_compiler_output
from copypatch.ninja import places
from copypatch.plan import Plan

# A second after the epoch: older than any object, and not ninja's 0 for a file that is not there.
_LONG_PAST = 1_000_000_000


def is_used(out: Path) -> bool:
    """Tell whether ninja runs in a folder, too."""
    return (out / "build.ninja").is_file()


def take(out: Path) -> None:
    """Say that scons is about to change something. Raises OSError."""
    places.write(f"{out}/{places.TURN}", "")


def mark(plan: Plan, opnames: Iterable[str]) -> None:
    """Let ninja compile these uops. Raises OSError."""
    name, out = plan.request.name, plan.request.out
    for opname in opnames:
        key = plan.key(opname)
        # Written even if it says the same: an object was made of something else meanwhile.
        places.write(f"{out}/{places.key_file(name, opname)}", f"{key.hexdigest() if key else 'unknown'}\n")


def settle(plan: Plan) -> None:
    """Leave a folder that scons has built in so that ninja compiles what is not up to date, and nothing else.

    Raises TemplateError, OutputError, OSError.
    """
    name, out = plan.request.name, plan.request.out
    lost = set(without_compiler_output(plan, plan.opnames))
    mark(plan, [opname for opname in plan.opnames if opname in lost])
    for opname in plan.opnames:
        if opname in lost or not plan.request.steps(opname):
            continue
        stamp = f"{out}/{places.key_file(name, opname)}"
        if places.read(stamp) is None:
            places.write(stamp, "", mtime_ns=_LONG_PAST)
        _age(stamp)
        if opname != plan.request.entry:
            source = plan.paths.source(opname)
            write_if_changed(source, plan.source(opname).text)
            _age(str(source))


def _age(path: str) -> None:
    if os.stat(path).st_mtime_ns != _LONG_PAST:
        os.utime(path, ns=(_LONG_PAST, _LONG_PAST))

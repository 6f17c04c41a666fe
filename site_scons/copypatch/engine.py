"""Whose code makes C text of objects: ours, or the Python files of the tree's own Tools/jit. Decided here alone."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from copypatch import releases, tree_engine
from copypatch.errors import TreeError
from copypatch.tree_engine import Layout, TreePasses


class Engine(enum.StrEnum):
    """What the user can say with engine=."""

    AUTO = "auto"
    NATIVE = "native"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class Choice:
    """The tree's passes, or None where our own code takes their place. *note* says what the user may not expect."""

    passes: TreePasses | None
    note: str = ""


# What a tree is known by. With nothing beside it there is no generator that anything could be identical to.
_BARE = frozenset({"_targets.py"})


def choose(wanted: Engine, dialect: str, layout: Layout, tools: Path) -> Choice:
    """Choose for a tree of a dialect, whose generator is in *tools*. Raises TreeError, OSError.

    ``auto`` is our code where there is some, and where the generator is one that it is proved on.
    """
    native = releases.has_native(dialect)
    if wanted is Engine.NATIVE:
        if not native:
            raise TreeError(
                f"engine=native: {tools} is of {dialect} or later, whose Python files make the stencils; copypatch "
                "has no code of its own for that, so leave engine= out"
            )
        return Choice(None)
    files = tree_engine.python_files(tools)
    making = {name: digest for name, digest in files.items() if name not in layout.nothing}
    if wanted is Engine.AUTO and native and (making.keys() <= _BARE or releases.is_proved(dialect, making)):
        return Choice(None)
    lacking = tree_engine.lacking(tools, layout)
    if lacking:
        native_instead = (
            "; engine=native makes the stencils by copypatch's rules, and scons verify compares them"
            if native
            else ""
        )
        raise TreeError(
            f"engine={wanted}: {tools} is of no release that copypatch knows, and cannot be run by it for want of "
            f"{', '.join(lacking)}{native_instead}"
        )
    note = _note(dialect, making) if wanted is Engine.AUTO and native else ""
    return Choice(tree_engine.passes(tools, layout, files), note)


def _note(dialect: str, making: Mapping[str, str]) -> str:
    names = [f"Tools/jit/{name}" for name in releases.unknown(dialect, making)]
    subject = f"{', '.join(names)}: of no release" if names else "Tools/jit: together of no one release"
    return (
        f"{subject} that copypatch's own code is proved on ({', '.join(releases.PROVED[dialect])}), so the tree's "
        "Python files make the stencils (engine=tree)"
    )

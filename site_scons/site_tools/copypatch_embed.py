"""The targets that tie copypatch into a build folder of CPython, and out of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SCons.Errors
import SCons.Script

from copypatch.embedding import embed, unembed
from copypatch.errors import CopypatchError, EmbedError

# SCons has no type stubs: its environments are Any to us.
Environment = Any

EMBED_TARGETS: Mapping[str, str] = {
    "embed": "make a configured CPython build folder's `make` use copypatch: scons embed build=DIR",
    "unembed": "take it out again: scons unembed build=DIR",
}
_PROGRAM = Path(__file__).resolve().parent.parent.parent / "jit_build.py"


def embed_commands(env: Environment, **said: str) -> bool:
    """Carry out `embed` and `unembed`; tell whether one of them was asked for."""
    named = SCons.Script.COMMAND_LINE_TARGETS
    asked = [target for target in named if target in EMBED_TARGETS]
    try:
        if not asked:
            return False
        if len(named) > 1:
            raise EmbedError(
                f"{asked[0]}: cannot be combined with {' '.join(one for one in named if one != asked[0])}"
            )
        _carry_out(env, asked[0], said)
    except CopypatchError as error:
        raise SCons.Errors.StopError(f"copypatch: {error}") from error
    # The work is done; SCons is left with a target that has nothing to do.
    env.Alias(asked[0])
    return True


def _carry_out(env: Environment, target: str, said: Mapping[str, str]) -> None:
    if not said.get("build"):
        raise EmbedError(f"{target}: say which build folder with build=DIR")
    base, console = Path(env.Dir("#").abspath), env["STENCIL_CONSOLE"]
    folder = (base / Path(said["build"]).expanduser()).resolve()
    if SCons.Script.GetOption("no_exec"):
        console.line(f"copypatch: would {target} {folder}")
    elif target == "embed":
        rest = {name: value for name, value in said.items() if name != "build"}
        console.line(embed(folder, rest, base, [Path(sys.executable), _PROGRAM]))
    else:
        console.line(unembed(folder, console))

#!/usr/bin/env python3
"""Makes CPython's jit_stencils.h as Tools/jit/build.py does, but only what has changed.

    jit_build.py [variable=value ...] [.../Tools/jit/build.py] [the generator's own arguments]

It can be put in front of the generator wherever a Makefile calls that; see docs/embedding.md. Any Python from
3.11 on can run it: where that lacks the project's packages, the project's own environment (.venv, or
$COPYPATCH_VENV) takes over. The syntax is kept to what Python 3.6 can parse, so that an old one can say what is
wrong.
"""

import sys

MINIMUM_PYTHON = (3, 11)
if sys.version_info < MINIMUM_PYTHON:
    sys.exit(
        "copypatch needs Python 3.11 or newer; {} is {}.{}. Name another one, such as: "
        "make PYTHON_FOR_REGEN=python3.12".format(sys.executable, *sys.version_info)
    )

import importlib.util
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> int:
    """Carry out the command line; return the exit status."""
    lacking = importlib.util.find_spec("diskcache") is None
    chosen = os.environ.get("COPYPATCH_VENV")
    environment = Path(chosen) if chosen else ROOT / ".venv"
    python = environment / "bin" / "python"
    if lacking and Path(sys.prefix).resolve() != environment.resolve() and os.access(python, os.X_OK):
        os.execv(python, [str(python), str(ROOT / "jit_build.py"), *sys.argv[1:]])
    sys.path.insert(0, str(ROOT / "site_scons"))
    from copypatch import generator
    from copypatch.console import Console

    console = Console.for_streams()
    words = sys.argv[1:]
    if lacking:
        console.warn(
            f"{sys.executable} has no diskcache, so nothing is cached; "
            f"`python3 {ROOT / 'bootstrap.py'} setup` installs what the project needs"
        )
        words = ["cache=off", *words]
    return generator.run(words, Path.cwd(), console, os.environ)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ncopypatch: interrupted; the same command goes on from here")

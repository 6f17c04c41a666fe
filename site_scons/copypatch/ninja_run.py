"""What the rules of build.ninja run: ``python -S -P ninja_run.py STEP OUT [NAME]``.

A process per step and build, so what it imports is most of its time. It imports what its step needs, when it needs
it.
"""

from __future__ import annotations

import gc
import os
import sys


def main(arguments: list[str]) -> int:
    """Run a step and return its exit status; a user's mistake is one message."""
    step, out, *rest = arguments
    # The package's own folder, found from where this file is: nothing is installed.
    sys.path.insert(0, __file__.rpartition("/copypatch/")[0])
    from copypatch.errors import CopypatchError

    try:
        _run(step, out, rest)
    except CopypatchError as error:
        print(f"copypatch: error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"copypatch: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _run(step: str, out: str, rest: list[str]) -> None:
    if step == "tell":
        from copypatch.ninja import tell

        return tell.run(out, rest[0], sys.stdin.read())
    from copypatch.ninja import owner

    # Open to the end.
    _held = owner.claim(out, lambda: print(f"waiting for another build in {out} ...", flush=True))
    if step == "regenerate":
        from copypatch import ninja_file

        return ninja_file.regenerate(out, *rest)
    if step == "split":
        from copypatch.ninja import split

        return split.run(out, rest[0])
    if step == "folders":
        from copypatch.ninja import folders

        return folders.run(out, rest[0])
    if step == "headers":
        from copypatch.ninja import headers

        return headers.run(out, rest[0])
    if step == "edit":
        from copypatch.ninja import ir

        return ir.run(out, rest[0], rest[1])
    if step == "dispatch":
        from copypatch.ninja import dispatch

        return dispatch.run(out)
    from copypatch.ninja import stencils

    return stencils.run(out, rest[0])


if __name__ == "__main__":
    # Neither collecting garbage nor taking everything down at the end is worth its time here.
    gc.disable()
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

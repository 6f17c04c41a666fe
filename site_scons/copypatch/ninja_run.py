"""What the rules of build.ninja run: ``python -S -P ninja_run.py STEP OUT [NAME]``.

A process per step and build, so what it imports is most of its time. It imports what its step needs, when it needs
it.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys

# As typing has it, which takes longer to import than a step may take to start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from copypatch.ninja.begun import Begun


def main(arguments: list[str]) -> int:
    """Run a step and return its exit status; a user's mistake is one message."""
    step, out, *rest = arguments
    # The package's own folder, found from where this file is: nothing is installed.
    sys.path.insert(0, __file__.rpartition("/copypatch/")[0])
    return _told(lambda: _run(step, out, rest))


def _told(work: Callable[[], int]) -> int:
    """Do something and return its exit status; say what a user can mend."""
    from copypatch.errors import CopypatchError

    try:
        return work()
    except CopypatchError as error:
        print(f"copypatch: error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"copypatch: error: {error.filename}: {error.strerror}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 1


def _run(step: str, out: str, rest: list[str]) -> int:
    if step == "tell":
        from copypatch.ninja import tell

        tell.run(out, rest[0], sys.stdin.read())
        return 0
    from copypatch.ninja import owner

    # Open to the end.
    held = owner.claim(out, lambda: print(f"waiting for another build in {out} ...", flush=True))
    if step == "stencils":
        return _stencils(out, rest[0], None if held is None else held.fileno())
    if step == "split":
        _split(out, rest[0])
    elif step == "regenerate":
        from copypatch import ninja_file

        ninja_file.regenerate(out, *rest)
    elif step == "folders":
        from copypatch.ninja import folders

        folders.run(out, rest[0])
    elif step == "headers":
        from copypatch.ninja import headers

        headers.run(out, rest[0])
    elif step == "edit":
        from copypatch.ninja import ir

        ir.run(out, rest[0], rest[1])
    else:
        from copypatch.ninja import dispatch

        dispatch.run(out)
    return 0


def _split(out: str, name: str) -> None:
    from copypatch.ninja import spare

    def prepare(is_told: Callable[[], bool]) -> Callable[[], int] | None:
        import threading

        from copypatch.ninja import stencils

        begun: list[Begun | None] = []
        waiting = threading.Thread(target=lambda: begun.append(stencils.begin(out, name, is_told)))
        waiting.start()
        importlib.import_module("copypatch.ninja.finish")
        waiting.join()
        return (lambda: _told(lambda: _do_stencils(out, name, begun[0]))) if any(begun) else None

    # Forked first, so that it starts beside the split.
    teller = spare.start(name, prepare)
    from copypatch.ninja import split

    if split.run(out, name, teller.edited):
        teller.wanted()


def _stencils(out: str, name: str, lock: int | None) -> int:
    if lock is not None:
        from copypatch.ninja import spare

        status = spare.ask(name, lock)
        if status is not None:
            return status
    return _do_stencils(out, name)


def _do_stencils(out: str, name: str, begun: Begun | None = None) -> int:
    from copypatch.ninja import stencils

    stencils.run(out, name, begun)
    return 0


if __name__ == "__main__":
    # Neither collecting garbage nor taking everything down at the end is worth its time here.
    gc.disable()
    os._exit(main(sys.argv[1:]))

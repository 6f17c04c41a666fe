"""The stencils step: from what the compiler made to the header, in one process.

What other programs have to do is begun first: they run while Python imports what comes after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from copypatch.ninja import places
from copypatch.ninja.begun import Begun


def begin(out: str, name: str, is_told: Callable[[], bool] = lambda: True) -> Begun | None:
    """Begin what needs no object: the worker of the tree's passes, and the expansion of the uops that were edited.

    *is_told* waits, first until something is edited, and then until its sources are written; with False there is
    nothing to be done, and nothing is returned. Raises NinjaError.
    """
    begun, settings = Begun(), places.settings(out, name)
    if not is_told():
        return None
    if settings["worker"] is not None:
        from copypatch.tree_engine import start_worker

        begun.worker = (settings["worker"], start_worker(settings["worker"]))
    if not is_told():
        return None
    if places.load(f"{out}/{places.texts_file(name)}").get("pending"):
        command = [*settings["expand"], f"{out}/{places.edited_source(name)}"]
        begun.begin(command, f"{out}/{places.plan_folder(name)}")
    return begun


def run(out: str, name: str, begun: Begun | None = None) -> None:
    """Make the header of a plan; *begun* is what :func:`begin` returned. Raises CopypatchError, OSError."""
    settings = places.settings(out, name)
    folder = f"{out}/{places.plan_folder(name)}"

    def fragment(opname: str) -> str:
        return state(f"{folder}/fragments/{opname}.h")

    kind, suffix = settings["compiler output"]
    states = {opname: state(f"{folder}/{kind}/{opname}{suffix}") for opname in settings["compiled"]}
    before = places.load(f"{out}/{places.stencils_file(name)}")
    is_object = kind == "obj"
    derived = _DERIVED if is_object else (*_ASSEMBLED, *_DERIVED)
    incomplete = set(_incomplete(folder, settings["compiled"], derived))
    changed = [
        opname
        for opname, found in states.items()
        if opname in incomplete or before.get(opname) != f"{found} {fragment(opname)}"
    ]
    if begun is None:
        begun = begin(out, name) or Begun()
    if changed and is_object:
        for command in settings["describe"]:
            begun.begin([*command, *(f"{opname}.o" for opname in changed)], f"{folder}/obj")
    from copypatch.ninja.finish import finish

    finish(out, name, changed, begun)
    places.save(
        f"{out}/{places.stencils_file(name)}",
        # As they were when it was begun: what came since is for the next time.
        {opname: f"{found} {fragment(opname)}" for opname, found in states.items()},
    )


def state(path: str) -> str:
    """Return what tells whether a file was written again; the same as :func:`copypatch.files.file_state`."""
    try:
        found = os.stat(path)
    except OSError:
        return "absent"
    return f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino}"


# What is made here: of objects, and of assembly.
_DERIVED = (("json", ".json"), ("dis", ".dis"), ("holes", ".holes.json"))
_ASSEMBLED = (("opt.s", ".opt.s"), ("obj", ".o"))


def _incomplete(folder: str, opnames: Sequence[str], derived: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the uops of which something is missing that is made of what the compiler made."""
    for kind, suffix in derived:
        try:
            there = set(os.listdir(f"{folder}/{kind}"))
        except OSError:
            there = set()
        yield from (opname for opname in opnames if f"{opname}{suffix}" not in there)

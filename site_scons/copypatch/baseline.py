"""What a build is compared with: a snapshot, another output folder, a header, or a git revision of the tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

from copypatch import emitted, fragment, inline, listing, revision
from copypatch.emitted import Emitted, EmittedHeader
from copypatch.errors import BaseError
from copypatch.files import read_text, write_if_changed
from copypatch.listing import Listing
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.session import Session, open_session, open_tree
from copypatch.timeline import STEP

GIT = "git:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Base:
    """What a build is compared with: what it is called, and the listings by plan."""

    name: str
    listings: Mapping[str, tuple[Listing, ...]]


def listings_of(plan: Plan) -> tuple[Listing, ...]:
    """Return the listings of a finished build, from its fragments. Raises MergeError, HeaderError, OSError."""
    return tuple(listing_of(plan, opname) for opname in plan.opnames)


def listing_of(plan: Plan, opname: str) -> Listing:
    """Return the listing of one uop of a finished build. Raises MergeError, HeaderError, OSError."""
    return listing.make(_emitted(plan, opname))


def _emitted(plan: Plan, opname: str) -> Emitted:
    path = plan.paths.fragment(opname)
    one = fragment.parse(read_text(path), str(path))
    return emitted.parse_function(one.text, (one.code_size, one.data_size), str(path))


def _parameters(plan: Plan) -> tuple[str, ...]:
    """Return what the emit functions of a finished build take, whoever has worded it."""
    return _emitted(plan, plan.opnames[0]).parameters


def snapshots(session: Session) -> Path:
    """Return the folder of an output folder's snapshots."""
    return session.out / "snapshots"


def save_snapshot(session: Session, name: str) -> Path:
    """Keep the headers of a finished build under a name; return their folder. Raises BaseError, OutputError."""
    if not name:
        raise BaseError("snapshot: say under which name, such as: scons snapshot name=before")
    if not _NAME.fullmatch(name):
        raise BaseError(f"name={name}: a snapshot's name is of letters, digits, points, dashes and underscores")
    folder = snapshots(session) / name
    for plan in session.plans:
        write_if_changed(folder / plan.request.header.name, plan.request.header.read_bytes())
    return folder


def open_base(session: Session, templates: Path) -> Base:
    """Find the base that the options name. *templates* are the embedded ones.

    Raises BaseError, and what a build raises where the base is a git revision.
    """
    said, path = session.options.base, session.options.base_path
    if not said or path is None:
        raise BaseError(
            "base=: say what to compare with: a snapshot (scons snapshot name=N), an output folder, a header with "
            "stencils, or git:REV"
        )
    if said.startswith(GIT):
        return _from_revision(session, said, templates)
    kept = snapshots(session) / said
    if _NAME.fullmatch(said) and kept.is_dir():
        return _from_folder(session, f"snapshot {said}", kept)
    if path.is_dir():
        return _from_folder(session, said, path)
    if path.is_file():
        return _from_file(session, said, path)
    names = sorted(one.name for one in snapshots(session).glob("*") if one.is_dir())
    known = f"there are {', '.join(names)}" if names else "there is none yet: scons snapshot name=N makes one"
    near = get_close_matches(said, names, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise BaseError(
        f"base={said}: no file or folder, and no snapshot of {session.out} ({known}){meant}. "
        "A snapshot belongs to its output folder: to its tree, and to debug=0 or 1"
    )


def _from_folder(session: Session, name: str, folder: Path) -> Base:
    found = {}
    for plan in session.plans:
        path = folder / plan.request.header.name
        if not path.is_file():
            others = ", ".join(one.name for one in sorted(folder.glob("jit_stencils*.h"))) or "no header"
            raise BaseError(
                f"base={name}: {folder} holds no {path.name}, but {others}; compare builds of the same target "
                "(target=) and of the same kind of tree"
            )
        found[plan.request.name] = _read(plan, name, path)
    return Base(name, found)


def _from_file(session: Session, name: str, path: Path) -> Base:
    if re.search(r'^#include "jit_stencils-', _text(name, path), re.MULTILINE):
        # It only picks among the headers beside it.
        return _from_folder(session, name, path.parent)
    if len(session.plans) > 1:
        raise BaseError(f"base={name}: one header is of one target; name the folder, or one target with target=")
    (plan,) = session.plans
    return Base(name, {plan.request.name: _read(plan, name, path)})


def _read(plan: Plan, name: str, path: Path) -> tuple[Listing, ...]:
    header = emitted.parse_header(_text(name, path), str(path))
    _check(plan, name, header)
    return tuple(map(listing.make, header.functions))


def _text(name: str, path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise BaseError(f"base={name}: {path} cannot be read ({error.strerror})") from error


def _check(plan: Plan, name: str, header: EmittedHeader) -> None:
    """Refuse what cannot be compared with a plan. Raises BaseError."""
    request = plan.request
    theirs, ours = header.functions[0].parameters, _parameters(plan)
    if theirs != ours:
        raise BaseError(
            f"base={name}: its stencils are for another kind of tree than {request.tree.version}: its emit "
            f"functions take ({' '.join(theirs)})"
        )
    words = header.first_lines[1].split()
    triples = [match for word in words for match in re.findall(r"[a-z0-9_]+-[a-z]+-[a-z0-9-]+", word)]
    if triples and request.target.triple not in triples:
        raise BaseError(
            f"base={name}: its stencils are for {triples[0]}, and this build's for {request.target.triple}; "
            f"say target={triples[0]}"
        )
    if triples and request.debug != bool({"--debug", "-d", "debug=1"} & set(words)):
        raise BaseError(
            f"base={name}: its stencils are of a {'release' if request.debug else 'debug'} build of Python, and "
            f"this one is not; say debug={int(not request.debug)}"
        )


def _from_revision(session: Session, name: str, templates: Path) -> Base:
    """Build a revision of the tree, through the cache, in folders that are gone afterwards."""
    options, console = session.options, session.context.report.console
    root = options.cpython or templates
    with revision.checkout(root, name.removeprefix(GIT)) as tree, TemporaryDirectory(prefix="copypatch-") as out:
        console.doing(f"building {name}")
        configured = session.tree.sources.pyconfig
        if configured is not None:
            # It is made, not committed: the one of this build serves both. Alone, as it may lie in the tree.
            write_if_changed(Path(out) / "pyconfig" / "pyconfig.h", (configured / "pyconfig.h").read_bytes())
        there = replace(
            options,
            cpython=tree if options.cpython else None,
            pyconfig=Path(out) / "pyconfig" if configured else None,
            out=Path(out),
        )
        # What runs for the base is not this build's: one span stands for all of it.
        with session.context.runner.timeline.span(f"build {name}", STEP):
            runner = Runner(session.context.runner.jobs)
            other = open_session(there, open_tree(there, tree), Path(out), runner, console)
            inline.build(other, name)
        found = {plan.request.name: listings_of(plan) for plan in other.plans}
        for before, plan in zip(other.plans, session.plans, strict=True):
            if _parameters(before) != _parameters(plan):
                raise BaseError(f"base={name}: the tree was of another kind then ({before.request.tree.version})")
        if other.lock is not None:
            other.lock.close()
    return Base(name, found)

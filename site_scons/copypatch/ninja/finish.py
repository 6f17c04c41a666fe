"""What the stencils step does once its imports are there: holes, fragments, header, and what the next build knows.

An object is taken for what its source and the headers say now only if nothing can have come between: its source is
the one that the split wrote, older than the object, and no header has changed since the headers step.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from copypatch import depfile, manifest, shim, steps, target_header
from copypatch import expansion as expander
from copypatch import plan as planner
from copypatch.cache import NoStore
from copypatch.console import Console
from copypatch.context import Context
from copypatch.errors import CopypatchError, NinjaError
from copypatch.expansion import Expansion, Unit
from copypatch.files import digest, fingerprint, read_text, remove, write_if_changed
from copypatch.fragment import Fragment
from copypatch.manifest import Manifest
from copypatch.marks import COMMON, PREFIX
from copypatch.ninja import folders, headers, places, requests, split, turns
from copypatch.ninja.begun import Begun
from copypatch.ninja.runner import BegunRunner
from copypatch.plan import PASSES, Plan
from copypatch.process import Runner
from copypatch.report import Report

_AGAIN = "was changed while the build ran; run ninja again"


class _Quiet(Console):
    """ninja says what is being done."""

    def doing(self, what: str, count: int | None = None) -> None:
        """Say nothing."""


class _Reading:
    """Reads the fragments that stay as they are, while tools and passes of the tree work for the others."""

    def __init__(self, plan: Plan, opnames: Collection[str]) -> None:
        self._found: dict[str, Fragment] = {}
        self._thread = threading.Thread(target=self._run, args=(plan, opnames))
        self._thread.start()

    def _run(self, plan: Plan, opnames: Collection[str]) -> None:
        # What is damaged is told by whoever reads it again.
        with suppress(CopypatchError, OSError):
            self._found = target_header.read(plan, opnames)

    def result(self) -> dict[str, Fragment]:
        """Wait, and return what was read."""
        self._thread.join()
        return self._found


def finish(out: str, name: str, changed: Collection[str], begun: Begun) -> None:
    """Make the header of a plan, and tell the next build of it.

    *changed* are the uops whose objects or fragments were written since the last time.

    Raises CopypatchError, OSError.
    """
    plan = requests.plan(out, name)
    request, texts, expansion = plan.request, plan.texts, plan.expansion
    if begun.worker is not None:
        request.engine.adopt(*begun.worker)
    sources, cut = request.tree.sources, places.load(f"{out}/{places.texts_file(name)}")
    for what, path in (("cases", sources.cases), ("template", sources.template)):
        if cut.get(what) != split.digest(places.text(str(path))):
            # It is the split's turn, even if nothing but its record is wrong.
            remove([Path(out, places.texts_file(name))])
            raise NinjaError(f"{path} {_AGAIN}")
    runner = BegunRunner(begun)
    console = _Quiet.for_streams()
    context = Context(runner, Report(console), NoStore())
    known = plan.ledger.read()
    new = _to_make(plan, known, changed)
    _check_times(plan, known, new)
    reading = _Reading(plan, set(plan.opnames) - set(new))
    todo = new
    if request.tree.dialect.has_assembly_passes:
        todo = _assemble(plan, known, new, context)
    steps.describe_objects(plan, [opname for opname in todo if request.steps(opname)], context)
    steps.make_holes(plan, todo, context)
    steps.make_fragments(plan, [opname for opname in todo if plan.paths.holes(opname).is_file()], context)
    plan = Plan(request, texts, _expand(plan, runner))
    _check_keys(plan, known, {*new, *changed})
    known = _with_entries(plan, known, {*new, *changed})
    text = target_header.text_of(plan, reading.result())
    if request.tree.dialect.linked_entry:
        shim.make(plan)
    expander.save(plan.paths.expansion, plan.expansion)
    headers.remember(plan, before=expansion)
    plan.ledger.write(target_header.recorded(known, plan, text))
    write_if_changed(request.header, text)
    rule = depfile.write(request.header.name, dict.fromkeys(_read_for_first_lines(plan)))
    write_if_changed(Path(out, places.stencils_depfile(name)), rule)
    places.save(f"{out}/{places.texts_file(name)}", {**cut, "pending": []})


def _to_make(plan: Plan, known: Manifest, changed: Collection[str], *, assembled: bool = False) -> list[str]:
    """Return the uops whose fragments have to be made: their objects are new, or something behind them is not.

    *assembled*: what the tree's passes made counts for what it is.
    """
    settled = {"rules": plan.rules, "compiler": plan.request.identity}
    passes = plan.request.tree.dialect.passes
    if passes is not None and passes.assembly and not assembled:
        settled[PASSES] = passes.assembly
    found = []
    for opname in plan.opnames:
        entry = known.entries.get(opname)
        if (
            entry is None
            or any(entry.inputs.get(name) != value for name, value in settled.items())
            or (opname in changed and not entry.intact(plan.paths.chain(opname, plan.request.steps(opname))))
        ):
            found.append(opname)
    return found


def _assemble(plan: Plan, known: Manifest, opnames: Sequence[str], context: Context) -> list[str]:
    """Make the objects of uops of their assembly; return those of which a fragment has to be made."""
    # Late: other dialects do without.
    from copypatch.ninja.assembly import assemble

    assemble(plan, opnames, context)
    wanted = set(_to_make(plan, known, opnames, assembled=True))
    return [opname for opname in opnames if opname in wanted and plan.paths.object(opname).is_file()]


def _check_times(plan: Plan, known: Manifest, opnames: Sequence[str]) -> None:
    """Make sure that what the compiler made is newer than what it is made of. Raises NinjaError."""
    out, name, paths = str(plan.request.out), plan.request.name, plan.paths
    for opname in opnames:
        if not plan.request.steps(opname):
            continue
        made = paths.compiler_output(opname, plan.request.steps(opname))
        entry = known.entries.get(opname)
        if entry is not None and entry.intact([made]):
            continue
        behind = [f"{out}/{places.key_file(name, opname)}"]
        if opname != plan.request.entry:
            behind.append(str(paths.source(opname)))
        if any(os.stat(path).st_mtime_ns > made.stat().st_mtime_ns for path in behind):
            remove([made])
            raise NinjaError(f"{behind[-1]} {_AGAIN}")


def _expand(plan: Plan, runner: Runner) -> Expansion:
    """Return the expansion of the texts as they are now: of the edited uops alone, where the rest cannot differ."""
    request, before = plan.request, plan.expansion
    record = places.load(f"{request.out}/{places.headers_file(request.name)}")
    sources = request.tree.sources
    cases, template = read_text(sources.cases), read_text(sources.template)
    inputs = planner.inputs_of(request, plan.texts.cases, cases, template)
    if before.is_current(inputs.all):
        return before
    found = None
    where = fingerprint(map(Path, record.get("places", ())))
    if (
        record.get("base") == headers.base(plan)
        and record.get("expansion") == headers.digest_of_inputs(plan)
        and record["names"] == folders.names(record["places"])
    ):
        # An editor that saves a file beside changes a folder, but no name in it.
        edited = [name for name in plan.texts.by_name if record["texts"].get(name) != plan.own_text(name)]
        found = _expand_edited(plan, edited, runner)
    if found is None:
        made = planner.make(request, runner).expansion
        # A case may include a header that nothing else does.
        changed = any(made.headers.get(header, state) != state for header, state in before.headers.items())
        if changed or made.shares_prefix != before.shares_prefix:
            turns.take(request.out)
            raise NinjaError(headers.CHANGED)
        return made
    kept = {
        name: one
        for name, one in before.digests.items()
        if name in plan.texts.by_name or name not in record["texts"]
    }
    return replace(before, inputs=inputs, places=where, digests={**kept, **found}, changes={})


def _expand_edited(plan: Plan, edited: Sequence[str], runner: Runner) -> dict[str, str] | None:
    """Return the digests of a few uops' expanded texts; None where all have to be expanded for them."""
    dialect, texts, before = plan.request.tree.dialect, plan.texts, plan.expansion
    if dialect.whole or not before.inputs.all or not before.headers_unchanged():
        return None
    cases = plan.request.tree.sources.cases
    units = [
        Unit(
            name,
            dialect.insert(texts.template, texts.by_name[name], cases).text,
            expander.leaks(texts.by_name[name].text),
        )
        for name in edited
    ]
    if len(edited) > split.MOST_EDITED or any(unit.leaks for unit in units):
        return None
    nothing = planner.empty_text(plan.request, texts.template)
    text = split.edited_text(texts.template.prefix, nothing, {unit.name: unit.text for unit in units})
    source = plan.request.out / places.edited_source(plan.request.name)
    if write_if_changed(source, text):
        # What was begun is of another text.
        runner = Runner(1)
    folder = plan.paths.folder
    result = runner.run([*plan.request.expand_command(), "-E", "-P", str(source)], cwd=folder)
    if result.status:
        return None
    found = expander.split_parts(result.stdout.decode("utf-8", "surrogateescape"))
    if any(map(expander.sees_positions, found.values())):
        return None
    digests = {name: digest(text) for name, text in found.items()}
    same = all(digests.get(part) == before.digests.get(part) for part in (PREFIX, COMMON))
    return digests if same and before.headers_unchanged() else None


def _check_keys(plan: Plan, known: Manifest, new: Collection[str]) -> None:
    """Make sure that no other object is of another text by now. Raises NinjaError."""
    if not plan.expansion.headers_unchanged():
        turns.take(plan.request.out)
        raise NinjaError(headers.CHANGED)
    for opname in plan.opnames:
        if opname in new:
            _check_object(plan, known, opname)
            continue
        key, entry = plan.fragment_key(opname), known.entries[opname]
        if key is None or entry.key != key.hexdigest():
            turns.take(plan.request.out)
            raise NinjaError(f"{opname}: {headers.CHANGED}")


def _check_object(plan: Plan, known: Manifest, opname: str) -> None:
    """Make sure that an object has not changed for no reason: a clang of a ninja that was killed may have made it.

    Raises NinjaError.
    """
    key, entry = plan.key(opname), known.entries.get(opname)
    made = plan.paths.compiler_output(opname, plan.request.steps(opname))
    if key is None or entry is None or entry.object_key != key.hexdigest() or not entry.knows(made):
        return
    if not entry.intact([made]):
        remove([made])
        raise NinjaError(f"{made}: it is not what it was, though nothing it is made of changed; run ninja again")


def _with_entries(plan: Plan, known: Manifest, opnames: Collection[str]) -> Manifest:
    """Return the manifest with what was made."""
    entries = dict(known.entries)
    for opname in opnames:
        key = plan.fragment_key(opname)
        if key is None:
            entries.pop(opname, None)
            continue
        chain = plan.paths.chain(opname, plan.request.steps(opname))
        # What clang may have said of it is not known here, so it never goes into the cache, which is silent.
        entries[opname] = manifest.entry(key, plan.key(opname), plan.own_text(opname), chain, warned=True)
    return replace(known, entries=entries)


def _read_for_first_lines(plan: Plan) -> Iterator[str]:
    """Yield the files, and their folder, of which the first line is a digest."""
    sources = plan.request.tree.sources
    yield from map(str, (sources.cases, sources.template, sources.entry))
    if sources.pyconfig is not None:
        yield str(sources.pyconfig / "pyconfig.h")
        for folder, _, files in os.walk(sources.template.parent):
            yield folder
            yield from (f"{folder}/{file}" for file in files)

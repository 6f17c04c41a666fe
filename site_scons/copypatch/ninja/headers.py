"""The headers step: which objects are stale because of a header, the template, a flag or the compiler.

It expands all uops, as every build by scons does, and stamps those whose objects are of another text. So a comment
in a header compiles nothing. ninja runs it when a header, or a folder in which headers are looked for, changes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping

from copypatch import depfile
from copypatch import expansion as expander
from copypatch import plan as planner
from copypatch.errors import NinjaError
from copypatch.expansion import Expansion, inputs_digest
from copypatch.files import digest, file_state, read_text
from copypatch.freshness import without_compiler_output
from copypatch.ninja import folders, places, ready, requests, turns
from copypatch.ninja.begun import Begun
from copypatch.ninja.runner import BegunRunner
from copypatch.plan import Plan
from copypatch.prefix import precompile
from copypatch.process import Runner

# The uops, and what is expanded alone.
_JOBS = 2
CHANGED = "a header was changed while the build ran; run ninja again"


def run(out: str, name: str) -> None:
    """Expand all uops and stamp those whose objects are stale. Raises CopypatchError, OSError."""
    settings = places.settings(out, name)
    ready.forget(out, name)
    request = requests.load(out, name)
    before = expander.load(request.paths.expansion)
    seen = {header: file_state(header) for header in before.headers} if before is not None else {}
    begun = Begun()
    if before is None or seen != dict(before.headers):
        # It will have to be made anew, so it is begun beside the preprocessor.
        begun.begin(request.prefix_command(), str(request.paths.prefix.parent))
    plan = planner.make(request, Runner(_JOBS))
    runner: Runner = BegunRunner(begun)
    if any(plan.expansion.headers.get(header, state) != state for header, state in seen.items()):
        # It may have been made of what was there before.
        begun.forget()
    if plan.expansion.shares_prefix != settings["shares prefix"]:
        # build.ninja depends on this file.
        opnames = f"{out}/{places.opnames_file(name)}"
        places.write(opnames, places.text(opnames))
        raise NinjaError("a header looks at the uop's name, or has ceased to; run ninja again")
    if plan.expansion.shares_prefix:
        said = precompile(plan, runner)
        if said.strip():
            print(said.rstrip(), file=sys.stderr)
    # It may not have been asked for, but it writes a file.
    begun.forget()
    if not plan.expansion.headers_unchanged():
        raise NinjaError(CHANGED)
    stale = without_compiler_output(plan, plan.opnames)
    turns.mark(plan, stale)
    ready.make(plan, stale)
    known = f"{out}/{places.folders_file(name)}"
    # It is what the folders step would write, and so no news to this one.
    places.write(known, remember(plan), mtime_ns=os.stat(known).st_mtime_ns)
    if not plan.expansion.places_unchanged():
        raise NinjaError(CHANGED)


def remember(plan: Plan, *, before: Expansion | None = None) -> str:
    """Write what the steps have to know of an expansion; return the digest of the names in its folders.

    *before* is the one that was remembered last, if it is known to be. Raises OSError.
    """
    out, name = str(plan.request.out), plan.request.name
    record = places.load(f"{out}/{places.headers_file(name)}")
    if record and before is not None and before.headers == plan.expansion.headers:
        # The same headers in the same folders; looking for those takes a tenth of the inner loop.
        own = {opname: plan.own_text(opname) for opname in plan.texts.by_name}
        record |= {"base": base(plan), "expansion": digest_of_inputs(plan), "texts": own}
        _save(f"{out}/{places.headers_file(name)}", record)
        return str(record["names"])
    names = folders.names(map(str, plan.expansion.searched_places()))
    _write(
        f"{out}/{places.headers_depfile(name)}", depfile.write(places.headers_file(name), plan.expansion.headers)
    )
    _write(f"{out}/{places.folders_depfile(name)}", depfile.write(places.folders_file(name), _existing(plan)))
    record = {
        "base": base(plan),
        "expansion": digest_of_inputs(plan),
        "places": list(map(str, plan.expansion.searched_places())),
        "names": names,
        "texts": {opname: plan.own_text(opname) for opname in plan.texts.by_name},
    }
    _save(f"{out}/{places.headers_file(name)}", record)
    return names


def base(plan: Plan) -> str:
    """Return a digest of all that is expanded, but for headers and cases."""
    request = plan.request
    texts = [read_text(request.tree.sources.template), read_text(request.tree.sources.entry)]
    return inputs_digest([*request.expand_command(), request.identity], texts)


def digest_of_inputs(plan: Plan) -> str:
    """Return what tells one expansion from another."""
    return digest(json.dumps([plan.expansion.inputs.all, plan.expansion.places, plan.expansion.written]))


def _existing(plan: Plan) -> Iterable[str]:
    """Return the folders for ninja to look at: what is missing it takes for changed, so the one above is named."""
    found = plan.expansion.searched_places()
    return dict.fromkeys(str(next(one for one in (place, *place.parents) if one.exists())) for place in found)


def _save(path: str, record: Mapping[str, object]) -> None:
    # An output that is written is news to ninja.
    if places.load(path) != record:
        places.save(path, record)


def _write(path: str, text: str) -> None:
    if places.read(path) != text:
        places.write(path, text)

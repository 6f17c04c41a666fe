"""Freshness: one function decides of every uop whether it is up to date, with a reason at each exit."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from copypatch.cache import Store
from copypatch.dialects import Step
from copypatch.keys import Key
from copypatch.manifest import OWN_TEXT, Entry, Manifest
from copypatch.marks import COMMON, PREFIX
from copypatch.plan import PASSES, Plan


class Verdict(enum.Enum):
    """What has to be done for a uop."""

    FRESH = "up to date"
    RESTORED = "restored"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Decision:
    """What has to be done for a uop, and why.

    *fragment* is the text to restore. *damaged*: what is on disk is not what was built, so no output of an
    earlier build may be relied on.
    """

    verdict: Verdict
    reason: str
    damaged: bool = False
    fragment: bytes = b""


def decide(plan: Plan, manifest: Manifest, store: Store, *, whole_chain: bool) -> dict[str, Decision]:
    """Decide of all uops of a plan.

    With *whole_chain* every artefact on the way to the fragment has to be there, not the fragment alone; then
    nothing is restored here, but the compile step restores objects.
    """
    decisions = {}
    wanted: dict[str, str] = {}
    for opname in plan.opnames:
        key = plan.fragment_key(opname)
        decision = _decide_one(plan, opname, key, manifest.entries.get(opname), whole_chain=whole_chain)
        decisions[opname] = decision
        if decision.verdict is Verdict.STALE and key is not None and not whole_chain:
            wanted[key.hexdigest()] = opname
    if wanted:
        for found, fragment in store.get(list(wanted)).items():
            opname = wanted[found]
            decisions[opname] = Decision(Verdict.RESTORED, decisions[opname].reason, fragment=fragment)
    return decisions


def _decide_one(plan: Plan, opname: str, key: Key | None, entry: Entry | None, *, whole_chain: bool) -> Decision:
    if entry is None:
        return Decision(Verdict.STALE, "not built here before", damaged=True)
    if key is None:
        return Decision(Verdict.STALE, "the preprocessor fails on it", damaged=True)
    if entry.key != key.hexdigest():
        damaged = not entry.intact(_chain(plan, opname))
        return Decision(Verdict.STALE, changed_input(plan, opname, entry, key), damaged=damaged)
    outputs = _chain(plan, opname) if whole_chain else [plan.paths.fragment(opname)]
    if not entry.intact(outputs):
        lost = [path for path in outputs if not path.is_file()]
        reason = f"{lost[0].name} is missing" if lost else "an output was changed by someone else"
        return Decision(Verdict.STALE, reason, damaged=True)
    return Decision(Verdict.FRESH, "")


def without_object(plan: Plan, opnames: Iterable[str]) -> list[str]:
    """Return the uops whose objects are not those of their keys, or not what was recorded of them.

    What has to be made for the others is something else. A group without compile steps has no object to lack.
    """
    entries = plan.ledger.read().entries
    stale = []
    for opname in opnames:
        steps = plan.request.steps(opname)
        if not steps:
            continue
        key, entry = plan.key(opname), entries.get(opname)
        compiled = plan.paths.compiled(opname, steps)
        if key is None or entry is None or entry.object_key != key.hexdigest() or not entry.intact(compiled):
            stale.append(opname)
    return stale


def without_compiler_output(plan: Plan, opnames: Iterable[str]) -> list[str]:
    """Return those of the uops without their object for which the compiler has to run on the C text."""
    lost = without_object(plan, opnames)
    if not plan.request.tree.dialect.has_assembly_passes:
        return lost
    return [opname for opname in lost if not is_made(plan, plan.request.steps(opname)[0], opname)]


def is_settled(plan: Plan, step: Step, opname: str) -> bool:
    """Tell whether what a step makes is there, made from what the step's input is now.

    This is where assembly that came out the same, or has nothing to do with what changed, ends the work for a uop.
    """
    entry = plan.ledger.read().entries.get(opname)
    # What the compiler said is to be said again, so it is asked again.
    return entry is not None and not entry.warned and is_made(plan, step, opname)


def is_made(plan: Plan, step: Step, opname: str) -> bool:
    """Tell the same, whatever the compiler said when it made it."""
    entry, key, paths = plan.ledger.read().entries.get(opname), plan.key(opname), plan.paths
    if entry is None or key is None:
        return False
    same = {name for name, value in key.fields if entry.inputs.get(name) == value}
    assembly, object_file = plan.request.steps(opname)[:2], paths.object(opname)
    written, passed = (paths.intermediate(opname, one.suffix) for one in assembly)
    if step.passes:
        return PASSES in same and entry.intact([written, passed])
    if step.assembles:
        return "compiler" in same and entry.intact([passed, object_file])
    # The entry's fields are those of the fragment's key, which is of another kind.
    return same >= {name for name, _ in key.fields} - {PASSES, "kind"} and entry.intact([written])


def _chain(plan: Plan, opname: str) -> list[Path]:
    return plan.paths.chain(opname, plan.request.steps(opname))


_NAMES: Mapping[str, str] = {
    "compiler": "the compiler is another one",
    "dialect": "the dialect is another one",
    "rules": "copypatch's own code changed, or the tree's dialect or Python files",
    "steps": "the compile steps changed",
}


def changed_input(plan: Plan, opname: str, entry: Entry, key: Key) -> str:
    """Name the first input of a uop that is not what it was."""
    changes = plan.expansion.changes
    for name, value in key.fields:
        before = entry.inputs.get(name)
        if before == value:
            continue
        if name == "flags" and before is not None:
            return f"the compiler's flags changed: {_changed_words(before, value)}"
        if name == "prefix":
            return f"a header changed: {changes.get(PREFIX, 'what the include block expands to is new')}"
        if name == "template":
            return f"the template changed: {changes.get(COMMON, 'what it expands to is new')}"
        if name == "text":
            if entry.inputs.get(OWN_TEXT) != plan.own_text(opname):
                return "its case text changed"
            return f"a macro changed: {changes.get(opname, 'what its text expands to is new')}"
        return _NAMES.get(name, f"{name} changed")
    return "its key changed"


def _changed_words(before: str, after: str) -> str:
    old, new = before.split("\0"), after.split("\0")
    gone = [f"without {word}" for word in old if word not in new]
    come = [f"with {word}" for word in new if word not in old]
    return ", ".join([*come, *gone]) or "their order"

"""A target's header: what it is made of, whether it is up to date, and its merge from all fragments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from copypatch import fragment, manifest, merge, shim, stages, tree_fragment
from copypatch.context import Context
from copypatch.dialects import own_code_digest
from copypatch.errors import CompileError
from copypatch.files import digest, digest_file, read_text, write_if_changed
from copypatch.fragment import Fragment
from copypatch.plan import Plan


def head(plan: Plan) -> str:
    """Return all that a header holds beside its fragments, as one text. Raises OSError."""
    dialect = plan.request.tree.dialect
    tables = "" if dialect.passes is None else dialect.passes.fragment
    made_by = [stages.digest_of("merge"), own_code_digest(dialect), tables]
    return "\n".join([*plan.request.first_lines(), *plan.opnames, *made_by])


def make(plan: Plan, context: Context) -> bool:
    """Write a target's header from all fragments; return whether it changed.

    Raises CompileError when a fragment is missing, MergeError, OutputError, OSError.
    """
    context.report.console.doing(f"{plan.request.name}: merging {plan.request.header.name}")
    text = text_of(plan)
    if plan.request.tree.dialect.linked_entry:
        shim.make(plan)
    changed = write_if_changed(plan.request.header, text)
    plan.ledger.write(recorded(plan.ledger.read(), plan, text))
    return changed


def recorded(known: manifest.Manifest, plan: Plan, text: str) -> manifest.Manifest:
    """Return a manifest that knows of a finished header, and of no uop that is not in it. Raises OSError."""
    wanted = set(plan.opnames)
    kept = {opname: entry for opname, entry in known.entries.items() if opname in wanted}
    return replace(known, entries=kept, header=digest(text), head=digest(head(plan)))


def read(plan: Plan, opnames: Iterable[str]) -> dict[str, Fragment]:
    """Return the fragments of uops by name, but for those that are missing. Raises MergeError, OSError."""
    fragments = {}
    for opname in opnames:
        path = plan.paths.fragment(opname)
        with suppress(FileNotFoundError):
            fragments[opname] = fragment.parse(read_text(path), str(path))
    return fragments


def text_of(plan: Plan, known: Mapping[str, Fragment] = MappingProxyType({})) -> str:
    """Return the text of a target's header, from all fragments; *known* are those that were read already.

    Raises CompileError when a fragment is missing, MergeError, OSError.
    """
    dialect = plan.request.tree.dialect
    found = {**known, **read(plan, (opname for opname in plan.opnames if opname not in known))}
    want(plan, [opname for opname in plan.opnames if opname not in found])
    fragments = [found[opname] for opname in plan.opnames]
    if dialect.passes is not None:
        return tree_fragment.header(plan.request.first_lines(), fragments, plan.request.engine)
    footer = dialect.footer(fragments, plan.request.entry, dialect.text)
    return merge.header(plan.request.first_lines(), fragments, footer)


def is_current(plan: Plan, known: manifest.Manifest) -> bool:
    """Tell whether the header on disk is the merge of what the manifest knows. Raises OSError."""
    try:
        found = digest_file(plan.request.header)
    except OSError:
        return False
    if plan.request.tree.dialect.linked_entry and not shim.is_current(plan):
        return False
    return (known.header, known.head) == (found, digest(head(plan)))


def want(plan: Plan, missing: Sequence[str]) -> None:
    """Say which uops a header has to do without, if there are any. Raises CompileError."""
    if missing:
        raise CompileError(f"{plan.request.header}: not written, for want of {_listed(missing)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"

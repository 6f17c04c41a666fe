"""A target's header: what it is made of, whether it is up to date, and its merge from all fragments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from copypatch import fragment, manifest, merge, shim, stages, tree_fragment
from copypatch.context import Context
from copypatch.dialects import own_code_digest
from copypatch.errors import CompileError
from copypatch.files import digest, digest_file, read_text, write_if_changed
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


def text_of(plan: Plan) -> str:
    """Return the text of a target's header, from all fragments.

    Raises CompileError when a fragment is missing, MergeError, OSError.
    """
    dialect, paths = plan.request.tree.dialect, plan.paths
    fragments, missing = [], []
    for opname in plan.opnames:
        path = paths.fragment(opname)
        try:
            fragments.append(fragment.parse(read_text(path), str(path)))
        except FileNotFoundError:
            missing.append(opname)
    want(plan, missing)
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

"""The split step: from the cases file and the template to the uops' sources. It imports next to nothing.

A uop whose source changes is compiled again without waiting for the preprocessor. But after an edit of the template
all sources change, for the better part in what the compiler cannot see: then the sources keep their mtimes, and the
headers step, which depends on the template too, says which objects are stale.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from copypatch import cases as case_splitter
from copypatch import template as templates
from copypatch.cases import Case
from copypatch.marks import COMMON, NOBODY, marked
from copypatch.ninja import places

if TYPE_CHECKING:
    from pathlib import Path

    from copypatch.plan import Plan

# More than these are expanded together with all others.
MOST_EDITED = 32


def settings(plan: Plan) -> dict[str, Any]:
    """Return what the split has to know of a plan."""
    sources, insert = plan.request.tree.sources, plan.request.tree.dialect.insert
    return {
        "cases": str(sources.cases),
        "template": str(sources.template),
        "insert": [insert.__module__, insert.__qualname__],
        "shares prefix": plan.expansion.shares_prefix,
        "whole": plan.request.tree.dialect.whole,
        "entry": plan.request.entry,
    }


def run(out: str, name: str, tell_edited: Callable[[], None] = lambda: None) -> bool:
    """Write the sources of a plan that changed, and the list of its uops; tell whether a few will be compiled.

    *tell_edited* is called as soon as it is plain that a case was edited. Raises CopypatchError, OSError.
    """
    said = places.settings(out, name)
    cases_path, template_path = _as_path(said["cases"]), _as_path(said["template"])
    cases_text, template_text = places.text(said["cases"]), places.text(said["template"])
    before = places.load(f"{out}/{places.texts_file(name)}")
    record = {"cases": digest(cases_text), "template": digest(template_text)}
    # Where it is not known, what changes is compiled again.
    same_template = before.get("template", record["template"]) == record["template"]
    if same_template and before.get("cases") not in (None, record["cases"]):
        tell_edited()
    cases = case_splitter.split(cases_text, cases_path)
    template = templates.split(template_text, template_path)
    whole = template
    if not said["shares prefix"]:
        template = templates.Template(template.path, "", 0, template.prefix + template.rest)
    module, function = said["insert"]
    insert: Callable[..., Any] = getattr(importlib.import_module(module), function)
    folder = f"{out}/{places.plan_folder(name)}/src"
    pending: dict[str, Case] = {}
    earlier = set(before.get("pending", ()))
    for case in cases:
        path = f"{folder}/{case.opname}.c"
        text = insert(template, case, cases_path).text
        if places.read(path) != text:
            places.write(path, text, mtime_ns=None if same_template else _mtime(path))
            pending[case.opname] = case
        elif case.opname in earlier:
            pending[case.opname] = case
    opnames = "".join(f"{opname}\n" for opname in sorted(case.opname for case in cases))
    if places.read(f"{out}/{places.opnames_file(name)}") != opnames:
        places.write(f"{out}/{places.opnames_file(name)}", opnames)
    few = 0 < len(pending) <= MOST_EDITED
    if few and not said["whole"]:
        nothing = insert(whole, Case(NOBODY, "", 1), cases_path).text
        units = {opname: insert(whole, case, cases_path).text for opname, case in pending.items()}
        places.write(f"{out}/{places.edited_source(name)}", edited_text(whole.prefix, nothing, units))
    places.save(f"{out}/{places.texts_file(name)}", {**record, "pending": list(pending)})
    return few and same_template


def edited_text(prefix: str, common: str, units: Mapping[str, str]) -> str:
    """Return the text in which a few units are expanded, as :func:`copypatch.expansion.expand` would one alone."""
    return prefix + marked(COMMON, common) + "".join(marked(name, text) for name, text in units.items())


def digest(text: str) -> str:
    """Return the sha256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class _Name(str):
    """A path as far as the split needs one: to name a file. pathlib takes as long to import as all else here."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return os.path.basename(self)


def _as_path(path: str) -> Path:
    return cast("Path", _Name(path))


def _mtime(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None

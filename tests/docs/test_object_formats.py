"""docs/object-formats.md: its tables of relocations are those of the code, and nothing in it is made up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from property.pipeline import DIALECTS

from copypatch.relocations import KINDS, RelocationKind
from copypatch.triples import PLATFORMS
from support.trees import ROOT

PAGE = ROOT / "docs" / "object-formats.md"
_DIALECTS = ("3.13", "3.14", "embedded")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def relocations() -> str:
    """All kinds, a table for each format and machine."""
    lines: list[str] = []
    for group in dict.fromkeys((kind.object_format, kind.machine) for kind in KINDS.values()):
        kinds = [kind for kind in KINDS.values() if (kind.object_format, kind.machine) == group]
        lines += ["", f"### {group[0].value}, {group[1]}", ""]
        lines += table(("kind", "addend", "patch function", "wants", "dialects"), [_row(kind) for kind in kinds])
    return "\n".join([*lines, "", ""])


def _row(kind: RelocationKind) -> tuple[str, ...]:
    addend = kind.addend.value + (f"; exactly: {kind.exact.value}" if kind.exact else "")
    functions = f"`{kind.patch}`" if kind.patch else "none: the addend of the next record"
    functions += f"; in pairs `{kind.paired}`" if kind.paired else ""
    functions += f"; exactly, without a slot: `{kind.direct}`" if kind.direct else ""
    wants = "a slot" if kind.got else "the symbol"
    wants += ", perhaps by a trampoline" if kind.far_call else ""
    known = [name for name in _DIALECTS if kind.name in DIALECTS[name].stencil.patch_functions]
    return f"`{kind.name}`", addend, functions, wants, "all" if len(known) == len(_DIALECTS) else ", ".join(known)


def platforms() -> str:
    """All platforms."""
    head = ("platform", "triples", "format", "symbol prefix", "code is padded to", "picked by")
    rows = [
        (
            platform.name,
            f"`{platform.pattern.replace('.*', '*')}`",
            platform.object_format.value,
            f"`{platform.symbol_prefix}`" if platform.symbol_prefix else "none",
            str(platform.alignment),
            f"`{platform.condition}`",
        )
        for platform in PLATFORMS
    ]
    return "\n".join(["", *table(head, rows), "", ""])


def test_the_tables_are_those_of_the_code(request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, text in {"relocations": relocations(), "platforms": platforms()}.items():
        before, mark, rest = page.partition(f"<!-- generated: {name} -->\n")
        shown, end, after = rest.partition("<!-- end -->")
        assert mark, name
        assert end, name
        if request.config.getoption("--update-docs", default=False):
            page = before + mark + text + end + after
            PAGE.write_text(page, encoding="utf-8")
        else:
            assert shown == text, f"{name}: out of date; run pytest tests/docs --update-docs"


def test_every_kind_and_file_that_the_page_names_exists() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:R_|IMAGE_REL_|ARM64_RELOC_|X86_64_RELOC_)\w+)`", page))
    # Named in the text as what can't be expressed.
    refused = {"R_X86_64_32S", "X86_64_RELOC_SUBTRACTOR"}
    assert names - refused == set(KINDS)
    assert not refused & set(KINDS)
    for path in re.findall(r"`((?:site_scons|tests|uop_templates)/[\w./]+)`", page):
        assert (ROOT / path).exists(), path

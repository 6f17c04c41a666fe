"""The library's way from llvm-readobj's text to a header's text, as the steps go it, without files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from copypatch import fragment, holes_file, merge, readobj, stencil
from copypatch.dialects import Dialect, cpython_3_13, cpython_3_14, disassembly_lines, embedded
from copypatch.dialects.cpython import DigestStyle
from copypatch.fragment import Fragment
from copypatch.holes import Stencil, StencilGroup
from copypatch.triples import Target

_STYLE = DigestStyle(skip_pycache=True, sort_names=True)
DIALECTS = {
    "3.13-paired": cpython_3_13.dialect(paired=True, digest_style=_STYLE),
    "3.13": cpython_3_13.dialect(paired=False, digest_style=_STYLE),
    "3.14": cpython_3_14.dialect(digest_style=_STYLE),
    "embedded": embedded.dialect(),
}
_EMPTY = Stencil(b"", (), ())


@dataclass(frozen=True)
class Texts:
    """What LLVM's tools print about one object; *sections* is None for an entry that needs no object."""

    name: str
    sections: str | None
    disassembly: str = ""


def group_of(texts: Texts, target: Target, dialect: Dialect) -> StencilGroup:
    if texts.sections is None:
        return StencilGroup(texts.name, _EMPTY, _EMPTY, (), ())
    (part,) = readobj.split(texts.sections, [f"{texts.name}.o"])
    sections = readobj.parse(part, texts.name, target.platform)
    lines = disassembly_lines(texts.disassembly, dialect)
    return stencil.build(sections, lines, texts.name, target.platform, dialect.stencil)


def fragment_of(group: StencilGroup, dialect: Dialect) -> Fragment:
    group = holes_file.load(holes_file.dump(group), group.opname)
    return fragment.parse(fragment.write(group, dialect.text), group.opname)


def header_of(fragments: Sequence[Fragment], dialect: Dialect) -> str:
    """A header but for its first lines. *fragments* are the entry's and the uops' in the dialect's order."""
    ordered = sorted(fragments, key=lambda one: one.opname) if dialect.name == "3.13" else fragments
    return merge.header([], ordered, dialect.footer(ordered, dialect.entry, dialect.text)).removeprefix("\n")

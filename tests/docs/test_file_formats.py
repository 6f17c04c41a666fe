"""docs/file-formats.md: its examples are real, and it describes every field of the holes file and no other."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path

import pytest

from copypatch import fragment, holes_file
from copypatch.errors import HolesFileError
from copypatch.holes import Hole, Stencil, StencilGroup
from docs import blocks, formats
from docs.blocks import Check
from support.trees import ROOT

PAGE = "file-formats.md"
_X86_64_LINUX = pytest.mark.skipif(
    platform.machine() != "x86_64" or platform.system() != "Linux", reason="the page shows a build on x86-64 Linux"
)
_HOLE = Hole(12, "R_AARCH64_CALL26", "patch_aarch64_trampoline", "ZERO", "cp_raise", 0, trampoline=True)
# With everything that a group can have.
_GROUP = StencilGroup(
    opname="_OP",
    code=Stencil(bytes(16), (_HOLE,), ("0: bl",)),
    data=Stencil(bytes(8), (Hole(0, "R_X86_64_64", "patch_64", "DATA", None, -8),), ("0: DATA-0x8",)),
    symbols=(("_JIT_ENTRY", "CODE", 0),),
    trampolines=("cp_raise",),
)


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / PAGE).read_text(encoding="utf-8")


def _shown_name(path: str) -> str:
    """A field's name as the page has it: stencils and holes are described once, wherever they are."""
    path = re.sub(r"^(?:code|data)\.holes\[\]\.", "hole.", path)
    return re.sub(r"^(?:code|data)\.", "stencil.", path)


def test_every_field_of_the_holes_file_is_described_and_no_other(page: str) -> None:
    written = {_shown_name(path) for path in formats.fields(json.loads(holes_file.dump(_GROUP)))}
    assert formats.documented_fields(page) == written


@pytest.mark.parametrize("path", [["uop"], ["symbols"], ["trampolines"], ["data", "body"], ["code", "holes"]])
def test_a_described_field_is_needed(path: list[str]) -> None:
    record = json.loads(holes_file.dump(_GROUP))
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    with pytest.raises(HolesFileError):
        holes_file.load(json.dumps(record), "example")


def test_the_example_loads_and_round_trips(page: str) -> None:
    example = blocks.find(page)["holes"]
    group = holes_file.load(example, "example")
    assert group.opname == formats.OPNAME
    assert group.code.holes
    assert group.data.holes
    assert holes_file.dump(group) == example


def test_the_format_numbers_are_those_that_are_written(page: str) -> None:
    assert f"version of this format: {holes_file.FORMAT}." in formats.section(page, "The holes file")
    assert f"`copypatch fragment {fragment.FORMAT}`" in formats.section(page, "The fragment")


def test_the_hole_with_a_trampoline_is_written_as_shown(page: str) -> None:
    holes = formats.section(page, "The holes file")
    (shown,) = (line for line in holes.splitlines() if line.startswith('{"offset"') and '"trampoline"' in line)
    assert shown in holes_file.dump(_GROUP)


@pytest.mark.build
@pytest.mark.slow
@_X86_64_LINUX
def test_every_block_is_real(embedded: Path, check: Check) -> None:
    (artefacts,) = embedded.glob("uops/*/")
    name = formats.OPNAME
    (header,) = embedded.glob("jit_stencils-*.h")
    text = header.read_text(encoding="utf-8")
    source = (artefacts / "src" / f"{name}.c").read_text(encoding="utf-8")
    written = (artefacts / "fragments" / f"{name}.h").read_text(encoding="utf-8")
    # The first line is a digest of the templates: it would change with every edit of a comment.
    first, second = text.split("\n")[:2]
    assert re.fullmatch(r"// [0-9a-f]{64}", first)
    case = source.index(f"        case {name}:")
    check(
        PAGE,
        {
            "tree": formats.tree(embedded),
            "source": source[: source.index("\n\n") + 1]
            + "...\n"
            + source[
                source.rindex("\n", 0, case - 8) + 1 : source.index("\n        }", case) + len("\n        }\n")
            ],
            "sections": formats.sections(artefacts / "json" / f"{name}.json"),
            "holes": (artefacts / "holes" / f"{name}.holes.json").read_text(encoding="utf-8"),
            "fragment": written,
            "header": f"// (64 hexadecimal digits)\n{second}\n",
            "footer": "...\n" + "".join(f"{line}\n" for line in text.split("\n")[-9:-1]),
        },
    )

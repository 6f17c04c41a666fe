"""The two READMEs say the same: the commands, the variables and targets, the figures, and where to read on."""

from __future__ import annotations

import re

import pytest

from copypatch.variables import VARIABLES
from support.scons import Scons
from support.trees import ROOT

_READMES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")}


def blocks(text: str) -> list[str]:
    """All fenced blocks: commands, and what they print."""
    return re.findall(r"^```\w*\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def first_cells(text: str) -> list[str]:
    """What stands in code in the first column of the tables: variables with their values, targets."""
    return re.findall(r"^\| (`.*?`(?:, `.*?`)*) \|", text, re.MULTILINE)


def figures(text: str) -> list[str]:
    """The numbers of the table of speeds."""
    rows = re.findall(r"^\|.*\|.* s \|.*$", text, re.MULTILINE)
    return re.findall(r"\d+(?:\.\d+)?", "\n".join(rows))


def links(text: str) -> set[str]:
    """The files that are linked to, but for the other README."""
    return set(re.findall(r"\]\(([^)]+)\)", text)) - set(_READMES)


@pytest.mark.parametrize("part", [blocks, first_cells, figures, links])
def test_both_readmes_have_the_same(part: object) -> None:
    english, chinese = (part(text) for text in _READMES.values())  # type: ignore[operator]
    assert english
    assert english == chinese


def test_every_variable_and_target_is_there(bare_scons: Scons) -> None:
    said = " ".join(first_cells(_READMES["README.md"]))
    for variable in VARIABLES:
        assert f"`{variable.name}={variable.shown}`".replace("|", "\\|") in said, variable.name
    targets = bare_scons.ok("-h").stdout.partition("\ntargets:\n")[2]
    names = re.findall(r"^  ([a-z][\w-]*) +\w", targets, re.MULTILINE)
    assert {"run", "diff"} <= set(names)
    for name in names:
        assert f"`{name}`" in said, name


@pytest.mark.parametrize("name", _READMES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in links(_READMES[name]):
        if not link.startswith("https://"):
            assert (ROOT / link).exists(), link


def test_the_chinese_one_is_chinese() -> None:
    prose = re.sub(r"```.*?```|`[^`]*`|\([^)]*\)", "", _READMES["README.zh-CN.md"], flags=re.DOTALL)
    lines = [line for line in prose.splitlines() if len(line) > 40]
    assert lines
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in lines)

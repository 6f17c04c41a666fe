"""The blocks of a page are found and replaced, and nothing else."""

from __future__ import annotations

import pytest

from docs import blocks

_PAGE = "# Title\n\n<!-- real: one -->\n```c\nold\n```\n\ntext\n\n```c\nno block of ours\n```\n"


def test_blocks_are_found_by_name() -> None:
    assert blocks.find(_PAGE) == {"one": "old\n"}


def test_an_update_replaces_the_text_and_nothing_else() -> None:
    assert blocks.update(_PAGE, {"one": "new  \n\nlast\n"}) == _PAGE.replace("old\n", "new\n\nlast\n")


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="two blocks named one"):
        blocks.find(_PAGE + _PAGE)


def test_a_block_needs_a_text() -> None:
    with pytest.raises(KeyError):
        blocks.update(_PAGE, {})

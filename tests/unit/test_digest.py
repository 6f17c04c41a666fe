"""The digest of a header's first line, which the tree's own build.py has to find right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from copypatch.dialects import Sources
from copypatch.dialects.cpython import DigestStyle, digest_style, llvm_version, tree_digest
from copypatch.triples import parse

LINUX = parse("x86_64-unknown-linux-gnu")


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    tools = tmp_path / "Tools" / "jit"
    (tools / "__pycache__").mkdir(parents=True)
    for name in ("template.c", "shim.c", "_targets.py", "__pycache__/x.pyc"):
        (tools / name).write_text(f"<{name}>")
    (tmp_path / "cases.h").write_text("<cases>")
    (tmp_path / "pyconfig.h").write_text("<pyconfig>")
    return Sources(tmp_path, tmp_path / "cases.h", tools / "template.c", tools / "shim.c", tmp_path)


SORTED = DigestStyle(skip_pycache=True, sort_names=True)


def test_it_is_the_hash_of_all_inputs_in_the_generators_order(sources: Sources) -> None:
    expected = b"x86_64-unknown-linux-gnu\1-O2<cases><pyconfig><_targets.py><shim.c><template.c>"
    assert tree_digest(sources, LINUX, True, "-O2", SORTED) == hashlib.sha256(expected).hexdigest()


def test_every_input_counts(sources: Sources) -> None:
    plain = tree_digest(sources, LINUX, False, "", SORTED)
    others = {
        tree_digest(sources, parse("x86_64-pc-linux-gnu"), False, "", SORTED),
        tree_digest(sources, LINUX, True, "", SORTED),
        tree_digest(sources, LINUX, False, "-g", SORTED),
        tree_digest(sources, LINUX, False, "", DigestStyle(skip_pycache=False, sort_names=True)),
    }
    sources.cases.write_text("<other>")
    others.add(tree_digest(sources, LINUX, False, "", SORTED))
    assert len(others | {plain}) == 6
    # A release that knows no cflags hashes none.
    assert tree_digest(sources, LINUX, False, None, SORTED) == tree_digest(sources, LINUX, False, "", SORTED)


def test_the_style_and_the_version_are_read_off_the_generator() -> None:
    old = "for dirpath, _, filenames in sorted(os.walk(T)):\n    for filename in filenames:\n"
    new = old.replace("in filenames", "in sorted(filenames)") + 'if dirpath.endswith("__pycache__"):\n'
    assert digest_style(old) == DigestStyle(skip_pycache=False, sort_names=False)
    assert digest_style(new) == SORTED
    assert llvm_version("import x\n_LLVM_VERSION = 18\n_LLVM_X = 3\n") == 18
    assert llvm_version("# _LLVM_VERSION = 18\n") is None

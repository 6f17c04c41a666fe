"""What the dialects of CPython share: where headers are, and the digest of the header's first line."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from copypatch.dialects import Flag, Sources
from copypatch.tree_engine import Layout
from copypatch.triples import Target

# The generators of 3.13 and 3.14.
LAYOUT = Layout(
    called={
        "_targets.py": ("get_target", "_build_stencils"),
        "_writer.py": ("dump", "_dump_stencil"),
    },
    fragment=frozenset({"_schema.py", "_stencils.py", "_targets.py", "_writer.py"}),
    # The command line, and what finds LLVM: copypatch finds its own.
    nothing=frozenset({"build.py", "_llvm.py"}),
)


@dataclass(frozen=True, slots=True)
class DigestStyle:
    """How a release's ``_compute_digest`` walks Tools/jit; it changed between patch releases."""

    skip_pycache: bool
    sort_names: bool


def digest_style(generator: str) -> DigestStyle:
    """Tell from the text of Tools/jit/_targets.py how the release walks the folder."""
    return DigestStyle(
        skip_pycache='endswith("__pycache__")' in generator,
        sort_names="in sorted(filenames)" in generator,
    )


def llvm_version(generator: str) -> int | None:
    """Return the LLVM major version that the text of Tools/jit/_llvm.py asks for, if it says so."""
    match = re.search(r'^_LLVM_VERSION = "?(\d+)"?$', generator, re.MULTILINE)
    return int(match[1]) if match else None


def include_flags(sources: Sources) -> tuple[Flag, ...]:
    """Return where every dialect looks for headers, in the generators' order; what follows differs."""
    include = sources.root / "Include"
    return (
        Flag("-I", sources.pyconfig, "pyconfig"),
        Flag("-I", include, "include"),
        Flag("-I", include / "internal", "include/internal"),
        Flag("-I", include / "internal" / "mimalloc", "include/internal/mimalloc"),
        Flag("-I", sources.cases.parent, "python"),
    )


def tree_digest(sources: Sources, target: Target, debug: bool, cflags: str | None, style: DigestStyle) -> str:
    """Return the digest by which the tree's generator finds a header up to date (``_compute_digest``).

    *cflags* is None for releases that do not know the option. Raises OSError.
    """
    hasher = hashlib.sha256(target.triple.encode())
    hasher.update(debug.to_bytes())
    hasher.update((cflags or "").encode())
    hasher.update(sources.cases.read_bytes())
    if sources.pyconfig is not None:
        hasher.update((sources.pyconfig / "pyconfig.h").read_bytes())
    # Before names were sorted, they came as the file system has them; os.walk gives the same order again.
    for folder, _, names in sorted(os.walk(sources.template.parent)):
        if style.skip_pycache and folder.endswith("__pycache__"):
            continue
        for name in sorted(names) if style.sort_names else names:
            hasher.update(Path(folder, name).read_bytes())
    return hasher.hexdigest()

"""Which of our own files make which artefact: an edit of one re-runs what it makes, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from copypatch.files import digest, digest_file

_PACKAGE = Path(__file__).parent

# Objects are not here: what decides them (flags, text, compiler) is in their keys.
_MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "source": ("cases.py", "template.py", "plan.py"),
        "sections": ("readobj.py", "disassembly.py", "steps.py"),
        "holes": (
            "readobj.py",
            "sections.py",
            "relocations.py",
            "triples.py",
            "stencil.py",
            "far_calls.py",
            "holes.py",
            "holes_file.py",
            "dialects/*.py",
            "tree_fragment.py",
        ),
        "fragment": ("holes.py", "holes_file.py", "fragment.py", "tree_fragment.py", "dialects/*.py"),
        "merge": (
            "fragment.py",
            "tree_fragment.py",
            "merge.py",
            "target_header.py",
            "plan.py",
            "triples.py",
            "dialects/*.py",
        ),
    }
)


def digest_of_all() -> str:
    """Return a digest of all our files."""
    files = sorted(_PACKAGE.rglob("*.py"))
    return digest("".join(f"{path.relative_to(_PACKAGE)} {digest_file(path)}\n" for path in files))


def digest_of(stage: str) -> str:
    """Return a digest of the files that make the artefacts of a stage. Raises KeyError for an unknown one."""
    files = sorted({path for pattern in _MODULES[stage] for path in _PACKAGE.glob(pattern)})
    return digest("".join(f"{path.name} {digest_file(path)}\n" for path in files))

"""Where the artefacts of a plan lie in the output folder; docs/file-formats.md lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from copypatch.dialects import Step, before_passes

PREFIX_HEADER = "copypatch-prefix.h"


@dataclass(frozen=True)
class Paths:
    """Where the artefacts of one plan are; one folder a kind, one file a uop."""

    folder: Path
    # Each is asked for many times a build, and putting a path together is most of what the answer costs.
    _made: dict[tuple[str, str, str], Path] = field(default_factory=dict, init=False, repr=False, compare=False)

    def _artefact(self, kind: str, opname: str, suffix: str) -> Path:
        path = self._made.get((kind, opname, suffix))
        if path is None:
            path = self._made[kind, opname, suffix] = Path(f"{self.folder}/{kind}/{opname}{suffix}")
        return path

    def source(self, opname: str) -> Path:
        """The C text of a uop."""
        return self._artefact("src", opname, ".c")

    def intermediate(self, opname: str, suffix: str) -> Path:
        """What a compile step writes that is not the last."""
        return self._artefact(suffix.lstrip("."), opname, suffix)

    def object(self, opname: str) -> Path:
        """The object."""
        return self._artefact("obj", opname, ".o")

    def chain(self, opname: str, steps: Sequence[Step]) -> list[Path]:
        """All that is made for a group, in the order in which it is made; the fragment last."""
        if not steps:
            return [self.holes(opname), self.fragment(opname)]
        sections = [self.sections(opname), self.disassembly(opname)]
        return [*self.compiled(opname, steps), *sections, self.holes(opname), self.fragment(opname)]

    def compiled(self, opname: str, steps: Sequence[Step]) -> list[Path]:
        """What the compile steps write: the object first, then what is made on the way to it."""
        between = [self.intermediate(opname, step.suffix) for step in steps[:-1]]
        return [self.object(opname), *between]

    def compiler_output(self, opname: str, steps: Sequence[Step]) -> Path:
        """What the compiler makes of the C text: the object, or the assembly that passes of the tree work on."""
        first = before_passes(steps)
        return self.object(opname) if len(first) == len(steps) else self.intermediate(opname, first[-1].suffix)

    def sections(self, opname: str) -> Path:
        """llvm-readobj's JSON."""
        return self._artefact("json", opname, ".json")

    def disassembly(self, opname: str) -> Path:
        """llvm-objdump's text."""
        return self._artefact("dis", opname, ".dis")

    def holes(self, opname: str) -> Path:
        """The holes file."""
        return self._artefact("holes", opname, ".holes.json")

    def fragment(self, opname: str) -> Path:
        """The header's fragment."""
        return self._artefact("fragments", opname, ".h")

    @property
    def flags(self) -> Path:
        """The compiler flags that the tree's own generator has."""
        return self.folder / "flags.json"

    @property
    def prefix(self) -> Path:
        """The include block as a header."""
        return self.folder / "src" / PREFIX_HEADER

    @property
    def precompiled(self) -> Path:
        """The precompiled include block."""
        return self.folder / "src" / "copypatch-prefix.pch"

    @property
    def manifest(self) -> Path:
        """What is known of the artefacts."""
        return self.folder / "manifest.json"

    @property
    def proofs(self) -> Path:
        """What is known of this compiler's shards."""
        return self.folder / "shards.json"

    @property
    def expansion(self) -> Path:
        """What is remembered of the last expansion."""
        return self.folder / "expansion.json"

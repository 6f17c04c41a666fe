"""The edit step: what a dialect does to the text between two runs of the compiler (3.13: to LLVM IR)."""

from __future__ import annotations

from copypatch.files import read_text, write_if_changed
from copypatch.ninja import places, requests


def run(out: str, name: str, index: str) -> None:
    """Edit what compile step *index* wrote, for all uops. Raises CopypatchError, OSError."""
    request = requests.load(out, name)
    for opname in places.settings(out, name)["compiled"]:
        step = request.steps(opname)[int(index)]
        raw = request.paths.folder / "raw" / f"{opname}{step.suffix}"
        if step.edit is not None and raw.is_file():
            write_if_changed(request.paths.intermediate(opname, step.suffix), step.edit(read_text(raw)))

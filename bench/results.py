"""Results: medians, the table, and the JSON record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.processes import Sample


@dataclass
class Row:
    """One scenario's samples; *reference* is what ours is compared with, empty where there is nothing."""

    name: str
    meaning: str
    against: str
    reference: list[Sample] = field(default_factory=list)
    ours: list[Sample] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    failed: str = ""


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})" if values else "-"


def _ratio(reference: Sequence[float], ours: Sequence[float]) -> str:
    return f"{median(reference) / median(ours):.2f}" if reference and ours else "-"


_HEAD = ("scenario", "against", "wall s", "ours wall s", "ratio", "CPU s", "ours CPU s", "ratio", "peak MB", "")


def table(rows: Sequence[Row]) -> str:
    """Return the results as a table in Markdown: median (minimum-maximum), and how many times less ours is."""
    lines = [_HEAD, tuple("-" for _ in _HEAD)]
    for row in rows:
        if row.skipped or row.failed:
            why = f"skipped: {row.skipped}" if row.skipped else "FAILED, see above"
            lines.append((row.name, *[""] * (len(_HEAD) - 2), why))
            continue
        cells = [row.name, row.against]
        for measure in ("wall", "cpu"):
            reference = [float(getattr(sample, measure)) for sample in row.reference]
            ours = [float(getattr(sample, measure)) for sample in row.ours]
            cells += [_spread(reference), _spread(ours), _ratio(reference, ours)]
        peak = max((sample.peak for sample in row.ours), default=0)
        cells += [f"{peak / 1e6:.0f}" if peak else "-", "; ".join(dict.fromkeys(row.notes))]
        lines.append(tuple(cells))
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    shown = []
    for index, line in enumerate(lines):
        fill = "-" if index == 1 else " "
        cells = [cell.ljust(width, fill) for cell, width in zip(line, widths, strict=True)]
        shown.append(f"| {' | '.join(cells)} |")
    return "\n".join(shown)


def write_json(path: Path, machine: object, rows: Sequence[Row]) -> None:
    """Write everything that was measured. Raises OSError."""
    record = {"machine": machine, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

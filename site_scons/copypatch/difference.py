"""A comparison as people and tools read it: a table for the terminal, Markdown for a pull request, JSON.

docs/reading-a-report.md describes the JSON; its meaning changes only with its format number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from copypatch.comparison import Comparison, Row, Sizes, UopChange, side_by_side
from copypatch.listing import Instruction, Listing, NamedHole

FORMAT = 1
# (text, style) as the text is to be shown; see console.paint.
Paint = Callable[[str, str], str]
_COLUMNS = ("uop", "code", "data", "instructions", "holes", "what changed")
_SHOWN = 25


def plain(text: str, _style: str) -> str:
    """Paint nothing."""
    return text


def signed(number: int) -> str:
    """Return a difference with its sign; "=" for none."""
    return f"{number:+d}" if number else "="


def _step(before: int, after: int) -> str:
    return f"{after} ({signed(after - before)})" if after != before else str(after)


def what_changed(change: UopChange) -> str:
    """Say in a few words what is different about a uop."""
    parts = []
    if change.lines:
        parts.append(f"{change.lines} instruction{'s' * (change.lines != 1)} differ{'s' * (change.lines == 1)}")
    for sign, holes in (("+", change.added), ("-", change.removed)):
        names = [hole.name for hole in holes if hole.part == "code"] or [hole.name for hole in holes]
        parts += [f"{sign}{name}{f' x{count}' if count > 1 else ''}" for name, count in _counted(names)]
    parts += [f"~{one.after.name}" for one in change.changed]
    if change.data_differs and not change.lines and change.before.data == change.after.data:
        parts.append("its data")
    return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")


def _counted(names: Sequence[str]) -> list[tuple[str, int]]:
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def _cells(name: str, before: Sizes, after: Sizes, what: str) -> tuple[str, ...]:
    return (
        name,
        _step(before.code, after.code),
        _step(before.data, after.data),
        _step(before.instructions, after.instructions),
        _step(before.holes, after.holes),
        what,
    )


def _rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows = [_cells(one.opname, one.before, one.after, what_changed(one)) for one in comparison.changed]
    rows += [_cells(name, Sizes(), sizes, "new") for name, sizes in comparison.added.items()]
    rows += [_cells(name, sizes, Sizes(), "gone") for name, sizes in comparison.removed.items()]
    return rows


def _total(comparison: Comparison) -> tuple[str, ...]:
    return _cells("all uops", comparison.before, comparison.after, "")


def summary(comparison: Comparison) -> str:
    """Say in one line what became of the uops."""
    return (
        f"{len(comparison.changed)} changed, {len(comparison.added)} added, {len(comparison.removed)} removed, "
        f"{comparison.unchanged} the same; code and data {signed(comparison.grown)} bytes"
    )


def as_text(target: str, base: str, comparison: Comparison, paint: Paint = plain) -> str:
    """Return the table for a terminal or a log."""
    lines = [f"{target} compared with {base}: {summary(comparison)}"]
    rows = _rows(comparison)
    if rows:
        table = [_COLUMNS, *rows, _total(comparison)]
        widths = [max(len(row[column]) for row in table) for column in range(len(_COLUMNS))]
        for number, row in enumerate(table):
            style = "bold" if number in (0, len(table) - 1) else _style(row)
            cells = [
                cell.ljust(width) if column in (0, len(row) - 1) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(paint("  ".join(cells).rstrip(), style))
    return "\n".join(lines)


def _style(row: Sequence[str]) -> str:
    # A help to the eye: the sign says it already.
    if "(-" in row[1] and "(+" not in row[2]:
        return "green"
    return "yellow" if "(+" in row[1] or "(+" in row[2] else "cyan"


def as_markdown(target: str, base: str, comparison: Comparison) -> str:
    """Return a table that fits a comment on a pull request: what changed most, and the rest folded away."""
    lines = [f"**{_escaped(target)}** compared with `{base}`: {summary(comparison)}"]
    rows = _rows(comparison)
    if not rows:
        return lines[0]
    head = ["", f"| {' | '.join(_COLUMNS)} |", "|---|--:|--:|--:|--:|---|"]
    lines += [*head, *map(_markdown, rows[:_SHOWN]), _markdown(_total(comparison), bold=True)]
    if len(rows) > _SHOWN:
        lines += ["", f"<details><summary>{len(rows) - _SHOWN} more</summary>", *head]
        lines += [*map(_markdown, rows[_SHOWN:]), "", "</details>"]
    return "\n".join(lines)


def _markdown(row: Sequence[str], *, bold: bool = False) -> str:
    name, *cells = row
    shown = f"**{name}**" if bold else f"`{name}`"
    return f"| {' | '.join([shown, *map(_escaped, cells)])} |"


def _escaped(text: str) -> str:
    # A hole can be called by any string of the tree's.
    for mark in "\\`*_<>|[]":
        text = text.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return text


def as_json(base: str, comparisons: Mapping[str, Comparison]) -> str:
    """Return all comparisons, by target, as JSON."""
    record = {
        "format": FORMAT,
        "base": base,
        "targets": {target: _comparison(one) for target, one in comparisons.items()},
    }
    return json.dumps(record, indent=1)


def _comparison(comparison: Comparison) -> dict[str, object]:
    return {
        "before": _sizes(comparison.before),
        "after": _sizes(comparison.after),
        "grown": comparison.grown,
        "unchanged": comparison.unchanged,
        "added": {name: _sizes(sizes) for name, sizes in comparison.added.items()},
        "removed": {name: _sizes(sizes) for name, sizes in comparison.removed.items()},
        "changed": [
            {
                "uop": change.opname,
                "before": _sizes(change.before),
                "after": _sizes(change.after),
                "instructions_differ": change.lines,
                "data_differs": change.data_differs,
                "holes_added": [hole_record(hole) for hole in change.added],
                "holes_removed": [hole_record(hole) for hole in change.removed],
                "holes_changed": [
                    {"before": hole_record(one.before), "after": hole_record(one.after)} for one in change.changed
                ],
            }
            for change in comparison.changed
        ],
    }


def _sizes(sizes: Sizes) -> dict[str, int]:
    return {
        "code": sizes.code,
        "data": sizes.data,
        "instructions": sizes.instructions,
        "holes": sizes.holes,
    }


def hole_record(hole: NamedHole) -> dict[str, object]:
    """Return a hole as the JSON has it."""
    return {
        "name": hole.name,
        "part": hole.part,
        "offset": hole.offset,
        "function": hole.function,
        "expression": hole.expression,
        "relocation": hole.kind,
    }


_WIDEST = 64


def uop_text(before: Listing, after: Listing, base: str, paint: Paint = plain) -> str:
    """Return two disassemblies side by side, with holes by name and without addresses."""
    rows = [
        (instruction(row.before, labels(before)), mark(row), instruction(row.after, labels(after)))
        for row in side_by_side(before, after)
    ]
    width = max((min(len(left), _WIDEST) for left, _, _ in rows), default=0)
    width = max(width, len(base))
    lines = [paint(f"{base.ljust(width)}   this build", "bold")]
    for left, sign, right in rows:
        style = {" ": "", "|": "yellow", "<": "red", ">": "green"}[sign]
        line = f"{_cut(left).ljust(width)} {sign} {_cut(right)}".rstrip()
        lines.append(paint(line, style) if style else line)
    return "\n".join([*lines, *_data_lines(before, after, paint)])


def mark(row: Row) -> str:
    """Return the sign between two sides: | for a difference, < and > for what only one has."""
    if row.same:
        return " "
    return ">" if row.before is None else "<" if row.after is None else "|"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def labels(listing: Listing) -> dict[int, str]:
    """Number the places that jumps lead to, by offset."""
    targets = sorted({one.target for one in listing.instructions if one.target is not None})
    return {target: f"L{number}" for number, target in enumerate(targets, 1)}


def instruction(one: Instruction | None, numbered: Mapping[int, str]) -> str:
    """Return an instruction without addresses: jumps by the *numbered* labels, holes by name; "" for None."""
    if one is None:
        return ""
    label = f"{numbered[one.offset]}:" if one.offset in numbered else ""
    text = " ".join(one.plain.split())
    if one.target is not None:
        text += f" {numbered[one.target]}"
    if one.dropped:
        text += "  ; the next uop follows: not copied"
    holes = "".join(f"  ; {hole.function} {hole.name}" for hole in one.holes)
    return f"{label:<4} {text}{holes}"


def _data_lines(before: Listing, after: Listing, paint: Paint) -> Iterator[str]:
    sides = [[hole.call for hole in one.holes if hole.part == "data"] for one in (before, after)]
    if before.data != after.data or sides[0] != sides[1]:
        yield paint(f"data: {len(before.data)} bytes before, {len(after.data)} now", "bold")
        yield from (paint(f"< {call}", "red") for call in sides[0] if call not in sides[1])
        yield from (paint(f"> {call}", "green") for call in sides[1] if call not in sides[0])

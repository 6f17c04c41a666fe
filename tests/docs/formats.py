"""What docs/file-formats.md shows: artefacts of a real build, cut where they are long."""

from __future__ import annotations

import json
import re
from pathlib import Path

# Small, with a helper call: code and data both have a hole.
OPNAME = "_STRING_EQ"
_FIELD = re.compile(r"^\| `([\w.\[\]]+)` \|", re.MULTILINE)


def section(page: str, title: str) -> str:
    """Return a section of a page, without its title."""
    start = page.index(f"\n## {title}\n")
    end = page.find("\n## ", start + 1)
    return page[start : end if end >= 0 else len(page)]


def documented_fields(page: str) -> set[str]:
    """Return the fields of the holes file that its tables describe."""
    return set(_FIELD.findall(section(page, "The holes file")))


def fields(value: object, name: str = "") -> set[str]:
    """Return the names of all fields in a JSON value, `code.holes[].offset` say."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            # What is under "symbols" are names of symbols, no fields.
            path = f"{name}.{key}" if name else key
            found |= {path} | (set() if path == "symbols" else fields(inner, path))
    elif isinstance(value, list):
        for inner in value:
            found |= fields(inner, f"{name}[]")
    return found


def head(path: Path, lines: int) -> str:
    """Return the first lines of a file."""
    text = path.read_text(encoding="utf-8")
    return "".join(f"{line}\n" for line in text.split("\n")[:lines])


def tree(out: Path) -> str:
    """Return what an output folder holds, as far as one uop and the common files go."""
    kept = [
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and (path.name.split(".")[0] == OPNAME or not path.name.startswith("_"))
    ]
    # The entry's files are of the same kinds as the uop's, and what starts with a dot is nobody's business.
    shown = [name for name in kept if not Path(name).name.startswith(("shim.", "."))]
    return "".join(f"{name}\n" for name in sorted(shown))


def sections(path: Path) -> str:
    """Return the one section of an object's JSON with relocations, shortened, as readable text."""
    # What is cut out of an array may keep its comma.
    record, _ = json.JSONDecoder().raw_decode(path.read_text(encoding="utf-8"))
    for entry in record["Sections"]:
        section_record = entry["Section"]
        if section_record["Relocations"]:
            shown = {name: section_record[name] for name in ("Index", "Name", "Info", "Relocations")}
            return json.dumps(shown, indent=1) + "\n"
    raise AssertionError("no relocations")


def expression_calls(fragment: str) -> str:
    """Return the patch calls of a fragment."""
    return "".join(f"{line}\n" for line in fragment.split("\n") if line.startswith("    patch_"))

"""The holes file, ``<op>.holes.json``: one stencil group as JSON, to be read by people and other tools.

docs/file-formats.md describes it. Reading a written group gives an equal one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from copypatch.errors import HolesFileError
from copypatch.holes import Hole, Stencil, StencilGroup

FORMAT = 1


def dump(group: StencilGroup) -> str:
    """Return the text of the group's holes file: one line a hole and a comment line, so that diffs read well."""
    symbols = {name: [place, offset] for name, place, offset in group.symbols}
    return (
        "{\n"
        f'"format": {FORMAT},\n'
        f'"uop": {json.dumps(group.opname)},\n'
        f'"code": {_stencil(group.code)},\n'
        f'"data": {_stencil(group.data)},\n'
        f'"symbols": {json.dumps(symbols)},\n'
        f'"trampolines": {json.dumps(group.trampolines)}\n'
        "}\n"
    )


def _stencil(stencil: Stencil) -> str:
    holes = ",\n".join(json.dumps(_hole(hole)) for hole in stencil.holes)
    lines = ",\n".join(json.dumps(line) for line in stencil.disassembly)
    return f'{{"body": "{stencil.body.hex()}", "holes": [\n{holes}\n], "disassembly": [\n{lines}\n]}}'


def _hole(hole: Hole) -> dict[str, object]:
    record: dict[str, object] = {
        "offset": hole.offset,
        "kind": hole.kind,
        "function": hole.function,
        "value": hole.value,
        "symbol": hole.symbol,
        "addend": hole.addend,
    }
    if hole.trampoline:
        record["trampoline"] = True
    return record


def load(text: str, name: str) -> StencilGroup:
    """Return the group of a holes file; *name* is what messages call it. Raises HolesFileError."""
    try:
        record = json.loads(text)
        if record["format"] != FORMAT:
            raise HolesFileError(f"{name}: holes file of format {record['format']}, not {FORMAT}; delete it")
        return StencilGroup(
            opname=_str(record["uop"]),
            code=_load_stencil(record["code"]),
            data=_load_stencil(record["data"]),
            symbols=tuple(
                sorted((_str(key), _str(value[0]), _int(value[1])) for key, value in record["symbols"].items())
            ),
            trampolines=tuple(_str(symbol) for symbol in record["trampolines"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise HolesFileError(f"{name}: damaged holes file ({error!r}); delete it and build again") from error


def _load_stencil(record: Mapping[str, Any]) -> Stencil:
    return Stencil(
        body=bytes.fromhex(record["body"]),
        holes=tuple(_load_hole(hole) for hole in record["holes"]),
        disassembly=tuple(_str(line) for line in record["disassembly"]),
    )


def _load_hole(record: Mapping[str, Any]) -> Hole:
    return Hole(
        offset=_int(record["offset"]),
        kind=_str(record["kind"]),
        function=_str(record["function"]),
        value=_str(record["value"]),
        symbol=None if record["symbol"] is None else _str(record["symbol"]),
        addend=_int(record["addend"]),
        trampoline=bool(record.get("trampoline", False)),
    )


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {value!r}")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a number expected, not {value!r}")
    return value

"""The C text of emit functions, read back: from a fragment, or from a header of ours or of CPython's own generator.

Everything that describes a stencil stands in that text: bytes, patch calls, and llvm-objdump's words as comments.
So two builds can be compared whatever made them, and a build whose fragments came out of the cache needs nothing
else. :func:`write` gives the text again, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from copypatch.errors import HeaderError


@dataclass(frozen=True, slots=True)
class Patch:
    """A call of a patch function: what is patched in, as C, at *offset* bytes from the start of the stencil.

    A symbol's ordinal stands as ``@ordinal(name)@``, as in a fragment, since its number is the header's.
    *blank_lines* come before it, as 3.15's generator has them for some.
    """

    offset: int
    function: str
    expression: str
    blank_lines: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """The code or the data of an emit function. *size* is in bytes, of which the first *shown* are written out."""

    body: bytes = b""
    shown: int = 0
    patches: tuple[Patch, ...] = ()
    comments: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The size in bytes, trailing zeros included."""
        return len(self.body)


@dataclass(frozen=True, slots=True)
class Emitted:
    """One emit function: the uop it is for, the lines of its parameters, its code and its data.

    *got* are the symbols that it has entered into the global offset table, from 3.15 on.
    """

    opname: str
    parameters: tuple[str, ...]
    code: Part
    data: Part
    got: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmittedHeader:
    """A header read back: its first lines, its functions in their order, the functions by trampoline ordinal."""

    first_lines: tuple[str, ...]
    functions: tuple[Emitted, ...]
    trampolines: Mapping[int, str] = field(default_factory=dict)


_FUNCTION = re.compile(r"^void\nemit_(\w+)\(\n(.*?)\)\n\{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_ARRAY = re.compile(r"^    const unsigned char (code|data)_body\[(\d+)\] = \{$")
_MEMCPY = re.compile(r"^    memcpy\((code|data), \1_body, sizeof\(\1_body\)\);$")
_PATCH = re.compile(r"^    (\w+)\((code|data) \+ (0x[0-9a-f]+), (.*)\);$")
_GOT = re.compile(r"^    patch_got_symbol\(state, (.*)\);$")
_SIZES = re.compile(r"\{emit_(\w+), (\d+), (\d+)(?:, (?:\{[^}]*\}|@mask\([^)]*\)@))*\}[,;]$", re.MULTILINE)
_SYMBOL = re.compile(r"^    \[(\d+)\] = &(\w+),$", re.MULTILINE)
_NUMBERED = re.compile(r"(^|got_symbol_address\()(0x[0-9a-f]+)(?=, state)")
_BYTES_PER_ROW = 8


def parse_header(text: str, name: str) -> EmittedHeader:
    """Return what a header with stencils says; *name* is what messages call it. Raises HeaderError."""
    sizes = {opname: (int(code), int(data)) for opname, code, data in _SIZES.findall(text)}
    table = text[text.rfind("symbols_map[") :] if "symbols_map[" in text else ""
    trampolines = {int(ordinal): symbol for ordinal, symbol in _SYMBOL.findall(table)}
    functions = []
    for match in _FUNCTION.finditer(text):
        if match[1] not in sizes:
            raise HeaderError(f"{name}: emit_{match[1]} is missing in its table; is the file cut off?")
        functions.append(_function(match, sizes[match[1]], trampolines, name))
    if not functions or len(functions) != len(sizes):
        raise HeaderError(f"{name}: not a whole header with stencils, as copypatch or Tools/jit/build.py write it")
    return EmittedHeader(tuple(text.split("\n", 2)[:2]), tuple(functions), trampolines)


def parse_function(text: str, sizes: tuple[int, int], name: str) -> Emitted:
    """Return what the text of one emit function says; *sizes* are those of its code and data in bytes.

    *name* is what messages call it. Raises HeaderError.
    """
    match = _FUNCTION.search(text)
    if match is None:
        raise HeaderError(f"{name}: no emit function in the form of CPython's releases, so it cannot be shown")
    return _function(match, sizes, {}, name)


@dataclass(slots=True)
class _Draft:
    comments: list[str] = field(default_factory=list)
    body: bytes = b""
    patches: list[Patch] = field(default_factory=list)

    def finish(self, size: int, name: str) -> Part:
        if len(self.body) > size:
            raise HeaderError(f"{name}: more bytes than its table says")
        body = self.body.ljust(size, b"\0")
        return Part(body, len(self.body), tuple(self.patches), tuple(self.comments))


def _function(match: re.Match[str], sizes: tuple[int, int], trampolines: Mapping[int, str], header: str) -> Emitted:
    opname, parameters = match[1], tuple(line.strip() for line in match[2].split("\n"))
    name = f"{header}: emit_{opname}"
    drafts = {"code": _Draft(), "data": _Draft()}
    pending: list[str] = []
    got: list[str] = []
    blank_lines = 0
    lines = iter(match[3].split("\n"))
    for line in lines:
        if line.startswith("    //"):
            pending.append(line[7:])
        elif array := _ARRAY.match(line):
            part = drafts[array[1]]
            if array[1] == "data" and not drafts["code"].body:
                pending = _take_code_comments(pending, drafts["code"])
            part.comments, pending = pending, []
            part.body = _bytes(lines, name)
        elif patch := _PATCH.match(line):
            expression = _named(patch[4], trampolines, name)
            drafts[patch[2]].patches.append(Patch(int(patch[3], 16), patch[1], expression, blank_lines))
            blank_lines = 0
        elif entered := _GOT.match(line):
            got.append(_named(f"{entered[1]}, state", trampolines, name).removesuffix(", state"))
        elif line and not line.strip():
            blank_lines += 1
        elif line and not _MEMCPY.match(line):
            raise HeaderError(f"{name}: not understood: {line.strip()[:80]}")
    if not drafts["code"].body and not drafts["data"].body:
        pending = _take_code_comments(pending, drafts["code"])
    drafts["data"].comments += pending
    code, data = drafts["code"].finish(sizes[0], name), drafts["data"].finish(sizes[1], name)
    return Emitted(opname, parameters, code, data, tuple(got))


def _bytes(lines: Iterator[str], name: str) -> bytes:
    rows = []
    for line in lines:
        if line == "    };":
            break
        rows.append(line)
    try:
        return bytes.fromhex("".join(rows).replace("0x", "").replace(",", ""))
    except ValueError as error:
        raise HeaderError(f"{name}: its bytes are damaged ({error})") from error


# The first comment on data: its bytes as Python writes them, a slot of the offset table, or padding.
_FIRST_OF_DATA = re.compile(r"""^0: (['"&]|[A-Z_0-9]*$|(?:00 ?)*$)""")


def _take_code_comments(comments: list[str], code: _Draft) -> list[str]:
    """Where no array of code stands between the comments on code and on data, tell them apart; return the rest."""
    for index, comment in enumerate(comments):
        # Padding of empty code looks like padding of data, but only data has it after its own.
        if _FIRST_OF_DATA.match(comment) and (index + 1 == len(comments) or not _FIRST_OF_DATA.match(comments[-1])):
            code.comments = comments[:index]
            return comments[index:]
    code.comments = comments
    return []


def _named(expression: str, symbols: Mapping[int, str], name: str) -> str:
    def symbol(match: re.Match[str]) -> str:
        ordinal = int(match[2], 16)
        if ordinal not in symbols:
            raise HeaderError(f"{name}: symbol {ordinal:#x} is missing in symbols_map; is the file cut off?")
        return f"{match[1]}@ordinal({symbols[ordinal]})@"

    return _NUMBERED.sub(symbol, expression)


def write(emitted: Emitted, ordinals: Mapping[str, int] | None = None) -> str:
    """Return the C text of an emit function; with *ordinals*, trampolines are numbered as in a header."""
    return "".join(f"{line}\n" for line in _lines(emitted, ordinals))


_ORDINAL = re.compile(r"@ordinal\((\w+)\)@")


def _lines(emitted: Emitted, ordinals: Mapping[str, int] | None) -> Iterator[str]:
    yield "void"
    yield f"emit_{emitted.opname}("
    *init, last = emitted.parameters
    yield from (f"    {line}" for line in init)
    yield f"    {last})"
    yield "{"
    for name, part in (("code", emitted.code), ("data", emitted.data)):
        yield from (f"    // {comment}" for comment in part.comments)
        if part.shown:
            yield f"    const unsigned char {name}_body[{part.size}] = {{"
            shown = part.body[: part.shown]
            for start in range(0, len(shown), _BYTES_PER_ROW):
                yield f"        {' '.join(f'{byte:#04x},' for byte in shown[start : start + _BYTES_PER_ROW])}"
            yield "    };"

    def numbered(expression: str) -> str:
        if ordinals is None:
            return expression
        return _ORDINAL.sub(lambda match: f"{ordinals[match[1]]:#x}", expression)

    for name, part in (("data", emitted.data), ("code", emitted.code)):
        if name == "code":
            yield from (f"    patch_got_symbol(state, {numbered(symbol)});" for symbol in emitted.got)
        if part.shown:
            yield f"    memcpy({name}, {name}_body, sizeof({name}_body));"
        for patch in part.patches:
            for _ in range(patch.blank_lines):
                yield "    "
            yield f"    {patch.function}({name} + {patch.offset:#x}, {numbered(patch.expression)});"
    yield "}"
    yield ""

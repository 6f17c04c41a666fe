"""The concepts of copy-and-patch as plain records: Hole, Stencil, StencilGroup."""

from __future__ import annotations

from dataclasses import dataclass

# Base values that need no symbol: where the uop's own code and data were copied to, and nothing at all.
CODE = "CODE"
DATA = "DATA"
ZERO = "ZERO"


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a stencil that is patched at run time, as a relocation is at link time.

    *offset* is in bytes from the start of the stencil, *kind* the relocation's, *function* the patch function.
    What is patched in is *value* (CODE, DATA, ZERO or a run-time value such as OPARG), plus the address of
    *symbol*, plus *addend* (bytes, signed). With *trampoline* the function takes the symbol's ordinal instead,
    which only the merge knows.
    """

    offset: int
    kind: str
    function: str
    value: str
    symbol: str | None
    addend: int
    trampoline: bool = False


@dataclass(frozen=True, slots=True)
class Stencil:
    """Bytes to copy, the holes in them in order of offset, and the comment lines about them."""

    body: bytes
    holes: tuple[Hole, ...]
    disassembly: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StencilGroup:
    """All that is copied for one uop.

    *symbols* are the names defined in it: (name, CODE or DATA, offset in bytes), sorted. *trampolines* are the
    external functions that need a numbered trampoline, in the order in which the code names them.
    """

    opname: str
    code: Stencil
    data: Stencil
    symbols: tuple[tuple[str, str, int], ...]
    trampolines: tuple[str, ...]

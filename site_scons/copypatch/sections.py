"""The sections of an object file, whatever its format, as far as a stencil needs them.

:mod:`copypatch.readobj` makes them from llvm-readobj's JSON; :mod:`copypatch.stencil` makes stencils of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from copypatch.triples import ObjectFormat


class Place(enum.Enum):
    """Which of a uop's two stencils a section's bytes end up in."""

    CODE = "code"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name at *offset* bytes from the start of its section; the platform's prefix is taken off."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Relocation:
    """What a linker would patch at *offset* bytes from the start of the section.

    *symbol* has lost the platform's prefix. *addend* is in bytes, signed. *got* says that the address of a slot
    holding the symbol's address is wanted, not the address itself.

    *addend* is what CPython's generators take for it; *exact_addend* what the object format defines. *address* is
    the place in the object's own address space that a Mach-O relocation against a section points to:
    *exact_addend* is then to be added to that place.
    """

    offset: int
    kind: str
    symbol: str
    addend: int
    got: bool
    exact_addend: int | None = None
    address: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A section that is loaded at run time.

    *address* is the section's place in the object's own address space for Mach-O, where sections are laid out
    by the assembler; in the other formats it is None and each section goes behind the one before. *alignment* is in
    bytes.
    """

    index: int
    name: str
    place: Place
    body: bytes
    symbols: tuple[Symbol, ...] = ()
    relocations: tuple[Relocation, ...] = ()
    address: int | None = None
    alignment: int = 1


@dataclass(frozen=True, slots=True)
class ObjectSections:
    """The loaded sections of one object, in the order of the file."""

    object_format: ObjectFormat
    sections: tuple[Section, ...]

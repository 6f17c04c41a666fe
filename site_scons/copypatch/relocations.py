"""The one relocation table.

What the parser accepts, how it finds the addend, which patch function the fragment calls and the table in
docs/object-formats.md all come from here. The kinds and their patch functions are those of CPython's
``_PATCH_FUNCS`` (Tools/jit/_stencils.py); how a format stores an addend is the format's: the psABIs for ELF,
"PE Format" for COFF, and <mach-o/reloc.h> with its per-CPU headers for Mach-O.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from copypatch.triples import ObjectFormat


class Addend(enum.Enum):
    """Where a relocation's addend is."""

    EXPLICIT = "in the relocation record"
    # The field holds the distance from its own end, so four bytes are taken off to make it relative to itself.
    PC32_IN_PLACE = "32 bits in the section, signed, less 4"
    ABS32_IN_PLACE = "32 bits in the section, unsigned"
    ABS64_IN_PLACE = "64 bits in the section, signed"
    ADRP_IN_PLACE = "21 bits in the instruction, signed"
    LOW12_IN_PLACE = "12 bits in the instruction, in units of what it moves"
    NONE = "always 0"


@dataclass(frozen=True, slots=True)
class RelocationKind:
    """One kind of relocation and what becomes of it.

    *patch* is the patch function that fills the hole; empty for a record that only holds the addend of the next
    one. *paired* is the one used instead by dialects whose run
    time relaxes an ADRP + LDR pair at build time (3.13.5's ``patch_aarch64_33rx``). *got* says that the hole
    wants the address of a table slot which holds the symbol's address. *far_call* marks branches whose range is
    too short for an external function. *dialects* is empty when every dialect has the kind.

    CPython's generators take some things more simply than the formats define them, and a dialect that reads objects
    exactly does not: *exact* is where the addend is, if not where *addend* says; *direct* the patch function of a
    hole that wants the symbol itself, if *patch* expects a slot; *tail* how many bytes of the instruction follow
    the field.
    """

    name: str
    object_format: ObjectFormat
    machine: str
    patch: str
    addend: Addend
    got: bool = False
    far_call: bool = False
    paired: str = ""
    dialects: frozenset[str] = frozenset()
    exact: Addend | None = None
    direct: str = ""
    tail: int = 0


_x86_64_elf = partial(RelocationKind, object_format=ObjectFormat.ELF, machine="x86_64", addend=Addend.EXPLICIT)
_aarch64_elf = partial(RelocationKind, object_format=ObjectFormat.ELF, machine="aarch64", addend=Addend.EXPLICIT)
_aarch64_macho = partial(RelocationKind, object_format=ObjectFormat.MACHO, machine="aarch64", addend=Addend.NONE)
_x86_64_macho = partial(
    RelocationKind, object_format=ObjectFormat.MACHO, machine="x86_64", addend=Addend.PC32_IN_PLACE
)
_x86_64_coff = partial(
    RelocationKind, object_format=ObjectFormat.COFF, machine="x86_64", addend=Addend.PC32_IN_PLACE
)
_aarch64_coff = partial(RelocationKind, object_format=ObjectFormat.COFF, machine="aarch64", addend=Addend.NONE)
_i686_coff = partial(RelocationKind, object_format=ObjectFormat.COFF, machine="i686")

_PAGE = "patch_aarch64_21rx"
_PAGE_OFFSET = "patch_aarch64_12x"
# 3.14's generator dies on these with a KeyError, though its jit.c could patch them.
_NOT_3_14 = frozenset({"3.13", "embedded"})
_NOT_3_13 = frozenset({"3.14", "embedded"})
_EMBEDDED = frozenset({"embedded"})

# AArch64 instructions have no room for an addend, so Mach-O has a record of its own for it, before the other.
MACHO_ADDEND = "ARM64_RELOC_ADDEND"

_TABLE = (
    _x86_64_elf(name="R_X86_64_64", patch="patch_64"),
    _x86_64_elf(name="R_X86_64_GOTPCREL", patch="patch_32r", got=True, dialects=_NOT_3_14),
    _x86_64_elf(name="R_X86_64_GOTPCRELX", patch="patch_x86_64_32rx", got=True),
    _x86_64_elf(name="R_X86_64_PC32", patch="patch_32r", dialects=_NOT_3_14),
    _x86_64_elf(name="R_X86_64_PLT32", patch="patch_32r", dialects=_NOT_3_13),
    _x86_64_elf(name="R_X86_64_REX_GOTPCRELX", patch="patch_x86_64_32rx", got=True),
    _aarch64_elf(name="R_AARCH64_ABS64", patch="patch_64"),
    _aarch64_elf(name="R_AARCH64_ADD_ABS_LO12_NC", patch="patch_aarch64_12"),
    _aarch64_elf(name="R_AARCH64_ADR_GOT_PAGE", patch="patch_aarch64_21r", got=True, paired=_PAGE),
    _aarch64_elf(name="R_AARCH64_ADR_PREL_PG_HI21", patch="patch_aarch64_21r"),
    _aarch64_elf(name="R_AARCH64_CALL26", patch="patch_aarch64_26r", far_call=True),
    _aarch64_elf(name="R_AARCH64_JUMP26", patch="patch_aarch64_26r", far_call=True),
    _aarch64_elf(name="R_AARCH64_LD64_GOT_LO12_NC", patch="patch_aarch64_12", got=True, paired=_PAGE_OFFSET),
    _aarch64_elf(name="R_AARCH64_LDST8_ABS_LO12_NC", patch="patch_aarch64_12", dialects=_EMBEDDED),
    _aarch64_elf(name="R_AARCH64_LDST16_ABS_LO12_NC", patch="patch_aarch64_12", dialects=_EMBEDDED),
    _aarch64_elf(name="R_AARCH64_LDST32_ABS_LO12_NC", patch="patch_aarch64_12", dialects=_EMBEDDED),
    _aarch64_elf(name="R_AARCH64_LDST64_ABS_LO12_NC", patch="patch_aarch64_12", dialects=_EMBEDDED),
    _aarch64_elf(name="R_AARCH64_LDST128_ABS_LO12_NC", patch="patch_aarch64_12", dialects=_EMBEDDED),
    _aarch64_elf(name="R_AARCH64_MOVW_UABS_G0_NC", patch="patch_aarch64_16a"),
    _aarch64_elf(name="R_AARCH64_MOVW_UABS_G1_NC", patch="patch_aarch64_16b"),
    _aarch64_elf(name="R_AARCH64_MOVW_UABS_G2_NC", patch="patch_aarch64_16c"),
    _aarch64_elf(name="R_AARCH64_MOVW_UABS_G3", patch="patch_aarch64_16d"),
    _aarch64_elf(name="R_AARCH64_PREL32", patch="patch_32r", dialects=_EMBEDDED),
    _aarch64_macho(name=MACHO_ADDEND, patch="", dialects=_EMBEDDED),
    _aarch64_macho(name="ARM64_RELOC_BRANCH26", patch="patch_aarch64_26r", far_call=True),
    _aarch64_macho(name="ARM64_RELOC_GOT_LOAD_PAGE21", patch="patch_aarch64_21r", got=True, paired=_PAGE),
    _aarch64_macho(name="ARM64_RELOC_GOT_LOAD_PAGEOFF12", patch="patch_aarch64_12", got=True, paired=_PAGE_OFFSET),
    _aarch64_macho(name="ARM64_RELOC_PAGE21", patch="patch_aarch64_21r"),
    _aarch64_macho(name="ARM64_RELOC_PAGEOFF12", patch="patch_aarch64_12"),
    _aarch64_macho(name="ARM64_RELOC_UNSIGNED", patch="patch_64", exact=Addend.ABS64_IN_PLACE),
    _x86_64_macho(name="X86_64_RELOC_BRANCH", patch="patch_32r"),
    _x86_64_macho(name="X86_64_RELOC_GOT", patch="patch_x86_64_32rx", got=True),
    _x86_64_macho(name="X86_64_RELOC_GOT_LOAD", patch="patch_x86_64_32rx", got=True),
    _x86_64_macho(name="X86_64_RELOC_SIGNED", patch="patch_32r"),
    _x86_64_macho(name="X86_64_RELOC_SIGNED_1", patch="patch_32r", tail=1, dialects=_EMBEDDED),
    _x86_64_macho(name="X86_64_RELOC_SIGNED_2", patch="patch_32r", tail=2, dialects=_EMBEDDED),
    _x86_64_macho(name="X86_64_RELOC_SIGNED_4", patch="patch_32r", tail=4, dialects=_EMBEDDED),
    _x86_64_macho(name="X86_64_RELOC_UNSIGNED", patch="patch_64", addend=Addend.NONE, exact=Addend.ABS64_IN_PLACE),
    _x86_64_coff(name="IMAGE_REL_AMD64_ADDR64", patch="patch_64", addend=Addend.ABS64_IN_PLACE, dialects=_EMBEDDED),
    _x86_64_coff(name="IMAGE_REL_AMD64_REL32", patch="patch_x86_64_32rx", direct="patch_32r"),
    _aarch64_coff(
        name="IMAGE_REL_ARM64_ADDR64", patch="patch_64", addend=Addend.ABS64_IN_PLACE, dialects=_EMBEDDED
    ),
    _aarch64_coff(name="IMAGE_REL_ARM64_BRANCH26", patch="patch_aarch64_26r"),
    _aarch64_coff(
        name="IMAGE_REL_ARM64_PAGEBASE_REL21",
        patch="patch_aarch64_21r",
        paired=_PAGE,
        exact=Addend.ADRP_IN_PLACE,
    ),
    _aarch64_coff(name="IMAGE_REL_ARM64_PAGEOFFSET_12A", patch="patch_aarch64_12", exact=Addend.LOW12_IN_PLACE),
    _aarch64_coff(
        name="IMAGE_REL_ARM64_PAGEOFFSET_12L",
        patch="patch_aarch64_12",
        paired=_PAGE_OFFSET,
        exact=Addend.LOW12_IN_PLACE,
    ),
    _i686_coff(name="IMAGE_REL_I386_DIR32", patch="patch_32", addend=Addend.ABS32_IN_PLACE),
    _i686_coff(
        name="IMAGE_REL_I386_REL32", patch="patch_x86_64_32rx", addend=Addend.PC32_IN_PLACE, direct="patch_32r"
    ),
)
KINDS: Mapping[str, RelocationKind] = MappingProxyType({kind.name: kind for kind in _TABLE})

# The kind of a slot in a stencil's offset table, whatever the target: 64 bits, absolute, not from any object.
GOT_SLOT = "R_X86_64_64"


def patch_functions(dialect: str, *, paired: bool) -> Mapping[str, str]:
    """Return the patch function of every kind that *dialect* can express, by the kind's name.

    *paired* picks the forms of a run time that relaxes ADRP + LDR pairs.
    """
    return MappingProxyType(
        {
            kind.name: (kind.paired if paired and kind.paired else kind.patch)
            for kind in KINDS.values()
            if not kind.dialects or dialect in kind.dialects
        }
    )

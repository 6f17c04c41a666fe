"""Calls on AArch64 that may be too far away: BL and B reach 128 MiB.

3.13 puts a trampoline behind each stencil that needs one. 3.14 numbers the functions instead, and its run time
makes one trampoline per function and trace (``patch_aarch64_trampoline`` in Python/jit.c).
"""

from __future__ import annotations

import enum


class Strategy(enum.Enum):
    """How a dialect reaches a function that may be out of a branch's range."""

    INLINE = "a trampoline behind the stencil"
    NUMBERED = "a trampoline that the run time makes, found by the function's ordinal"


PATCH_FUNCTION = "patch_aarch64_trampoline"

# mov x8, #0; movk x8, #0, lsl #16; movk x8, #0, lsl #32; movk x8, #0, lsl #48; br x8
_WORDS = (0xD2800008, 0xF2A00008, 0xF2C00008, 0xF2E00008, 0xD61F0100)
TRAMPOLINE = b"".join(word.to_bytes(4, "little") for word in _WORDS)
# The relocations of its first four instructions, which build the address 16 bits at a time.
KINDS = (
    "R_AARCH64_MOVW_UABS_G0_NC",
    "R_AARCH64_MOVW_UABS_G1_NC",
    "R_AARCH64_MOVW_UABS_G2_NC",
    "R_AARCH64_MOVW_UABS_G3",
)
_TEXTS = (
    "mov     x8, #0x0",
    "movk    x8, #0x0, lsl #16",
    "movk    x8, #0x0, lsl #32",
    "movk    x8, #0x0, lsl #48",
    "br      x8",
)


def retarget(body: bytearray, offset: int, destination: int) -> None:
    """Make the branch at *offset* go to *destination*, both in bytes from the start of *body*."""
    word = int.from_bytes(body[offset : offset + 4], "little") & 0xFC000000
    word |= ((destination - offset) >> 2) & 0x03FFFFFF
    body[offset : offset + 4] = word.to_bytes(4, "little")


def disassembly(base: int, symbol: str) -> list[str]:
    """Return the comment lines about a trampoline at *base* that jumps to *symbol*."""
    lines = []
    for index, (word, text) in enumerate(zip(_WORDS, _TEXTS, strict=True)):
        lines.append(f"{base + 4 * index:x}: {word:08x}      {text}")
        if index < len(KINDS):
            lines.append(f"{base + 4 * index:016x}:  {KINDS[index]:<29}{symbol}")
    return lines

"""Target triples: what a stencil needs to know about the machine and the object format it is compiled for.

The set is the one that CPython's generator knows (``get_target`` in Tools/jit/_targets.py, from 3.13 on).
"""

from __future__ import annotations

import enum
import re
import sys
from dataclasses import dataclass

from copypatch.errors import OptionError


class ObjectFormat(enum.Enum):
    """The container of an object file."""

    ELF = "ELF"
    MACHO = "Mach-O"
    COFF = "COFF"


@dataclass(frozen=True, slots=True)
class Platform:
    """What all triples of one kind have in common.

    *pattern* matches whole triples; *condition* is the preprocessor test that picks the header at compile time;
    *alignment* (bytes) is what the code of a stencil is padded to; *symbol_prefix* is what the platform puts in
    front of a C name; *nop* is one no-operation instruction.
    """

    name: str
    pattern: str
    example: str
    object_format: ObjectFormat
    condition: str
    alignment: int
    symbol_prefix: str
    nop: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """One triple as the user wrote it, and its platform."""

    triple: str
    platform: Platform


_X86_NOP = b"\x90"
# "nop" of the A64 instruction set, 0xd503201f, little-endian.
_A64_NOP = b"\x1f\x20\x03\xd5"

PLATFORMS = (
    Platform(
        "aarch64-apple",
        r"aarch64-apple-darwin.*",
        "aarch64-apple-darwin",
        ObjectFormat.MACHO,
        "defined(__aarch64__) && defined(__APPLE__)",
        8,
        "_",
        _A64_NOP,
    ),
    Platform(
        "aarch64-windows",
        r"aarch64-pc-windows-msvc",
        "aarch64-pc-windows-msvc",
        ObjectFormat.COFF,
        "defined(_M_ARM64)",
        8,
        "",
        _A64_NOP,
    ),
    Platform(
        "aarch64-linux",
        r"aarch64-.*-linux-gnu",
        "aarch64-unknown-linux-gnu",
        ObjectFormat.ELF,
        "defined(__aarch64__) && defined(__linux__)",
        8,
        "",
        _A64_NOP,
    ),
    Platform(
        "i686-windows",
        r"i686-pc-windows-msvc",
        "i686-pc-windows-msvc",
        ObjectFormat.COFF,
        "defined(_M_IX86)",
        1,
        "_",
        _X86_NOP,
    ),
    Platform(
        "x86_64-apple",
        r"x86_64-apple-darwin.*",
        "x86_64-apple-darwin",
        ObjectFormat.MACHO,
        "defined(__x86_64__) && defined(__APPLE__)",
        1,
        "_",
        _X86_NOP,
    ),
    Platform(
        "x86_64-windows",
        r"x86_64-pc-windows-msvc",
        "x86_64-pc-windows-msvc",
        ObjectFormat.COFF,
        "defined(_M_X64)",
        1,
        "",
        _X86_NOP,
    ),
    Platform(
        "x86_64-linux",
        r"x86_64-.*-linux-gnu",
        "x86_64-unknown-linux-gnu",
        ObjectFormat.ELF,
        "defined(__x86_64__) && defined(__linux__)",
        1,
        "",
        _X86_NOP,
    ),
)


def parse(triple: str) -> Target:
    """Return the target of a triple. Raises OptionError for one that no platform matches."""
    for candidate in PLATFORMS:
        if re.fullmatch(candidate.pattern, triple):
            return Target(triple, candidate)
    known = ", ".join(candidate.example for candidate in PLATFORMS)
    raise OptionError(f"target={triple}: unknown target triple; known are, for example: {known}")


def parse_list(value: str) -> tuple[Target, ...]:
    """Return the targets of a comma-separated list, in its order. Raises OptionError."""
    triples = [part.strip() for part in value.split(",") if part.strip()]
    if not triples:
        raise OptionError("target=: names no triple; leave it out to build for this machine")
    repeated = sorted({triple for triple in triples if triples.count(triple) > 1})
    if repeated:
        raise OptionError(f"target={value}: {repeated[0]} is named twice")
    return tuple(parse(triple) for triple in triples)


def host() -> str:
    """Return the triple of this machine. Raises OptionError where it is not a known target."""
    # Late: not every process has to ask.
    import platform

    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    system = {"linux": "unknown-linux-gnu", "darwin": "apple-darwin", "win32": "pc-windows-msvc"}.get(sys.platform)
    triple = f"{machine}-{system or sys.platform}"
    try:
        return parse(triple).triple
    except OptionError as error:
        raise OptionError(f"this machine ({triple}) is no known target; name one with target=") from error

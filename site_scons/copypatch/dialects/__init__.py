"""Dialects: what differs between the trees whose headers we write.

A :class:`Dialect` is data and small functions, all that a kind of tree decides. One module per family makes
them; :func:`copypatch.trees.open_tree` picks one for a tree. Adding a release means adding a module here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

from copypatch.cases import Case
from copypatch.files import digest, digest_file
from copypatch.fragment import Fragment, TextRules
from copypatch.stencil import ContinuationJump, StencilRules
from copypatch.template import Template, UopSource
from copypatch.tree_engine import TreePasses
from copypatch.triples import ObjectFormat, Platform, Target


@dataclass(frozen=True, slots=True)
class Flag:
    """A compiler flag. One that holds a path is *text*, the path and *rest*; the key sees *role* in its place.

    *ours*: the tree's generator has no such flag, for its files lie elsewhere.
    """

    text: str
    path: Path | None = None
    role: str = ""
    rest: str = ""
    ours: bool = False

    def argument(self) -> str:
        """Return the flag for a command line."""
        return self.text if self.path is None else f"{self.text}{self.path}{self.rest}"

    def symbolic(self) -> str:
        """Return the flag with its path replaced by the path's role: the same on every machine."""
        return self.text if self.path is None else f"{self.text}<{self.role}>{self.rest}"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a tree that every dialect has; *pyconfig* is the folder of pyconfig.h, if there is one."""

    root: Path
    cases: Path
    template: Path
    entry: Path
    pyconfig: Path | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the compiler on the way from C text to an object.

    *suffix* is what it writes, *flags* what it adds to the flags of the uop; *edit* changes the text that came out,
    before the next step reads it, and *sample* is a text in which all is that it edits. With *passes* it is no run
    of the compiler, but of the tree's own passes. *assembles*: the compiler is given assembly, which has nothing to
    do with the flags of the uop.
    """

    suffix: str
    flags: tuple[str, ...]
    edit: Callable[[str], str] | None = None
    sample: str = ""
    passes: bool = False
    assembles: bool = False


def before_passes(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the runs of the compiler before the tree's own passes: all, where there are none of those."""
    return tuple(takewhile(lambda step: not step.passes, steps))


def steps_identity(steps: Sequence[Step]) -> str:
    """Return what tells compile steps from others: flags, and the content of the module of an edit."""
    return repr([(step.suffix, step.flags, _file_digest(step.edit)) for step in steps])


def _file_digest(function: Callable[[str], str] | None) -> str:
    file = defined_in(function)
    return "" if file is None else digest_file(file)


def defined_in(value: object) -> Path | None:
    """Return the file that a function or lambda was written in, through functools.partial; None for others."""
    while isinstance(value, partial):
        value = value.func
    # Not the module's file: what is written in an SConstruct belongs to no module of its own.
    code = getattr(value, "__code__", None)
    return None if code is None else Path(code.co_filename).resolve()


DIRECT = (Step(".o", ("-c",)),)


@dataclass(frozen=True, slots=True)
class Dialect:
    """All that a kind of tree decides.

    *name* is the dialect's in the relocation table. *llvm* is the major version asked for; *llvm_minimum* the
    oldest that works where none is asked for (*llvm* None). *entry* names the group that enters a trace. *flags*
    returns the compiler's flags; *steps* the runs of the compiler; *entry_steps* the same for the entry, empty
    where the entry is an empty group. *insert* makes a uop's C text from the template, its case and the path of the
    cases file; *whole*: all cases are in it. *order* sorts the uops of the header. *header_name* names a target's
    header; *dispatches*: another header picks among them. *keep_line* filters the disassembly. *digest* returns the
    hexadecimal digest for the header's first line; *preamble* are the lines after the second. *dispatcher* names
    the header that picks among the targets'. *code* are files whose content decides what the functions do, where
    those are not ours: see :func:`with_own_code`. *passes* are the tree's own, where they and not our code turn
    objects into C text (:mod:`copypatch.engine`); *stencil*, *text* and *footer* have no part in it then.
    *linked_entry*: the entry is no group, but an object that is linked, and says how it is unwound.
    *canonical_names*: outputs are named for the platform, however the target was written.
    """

    name: str
    llvm: int | None
    llvm_minimum: int
    entry: str
    stencil: StencilRules
    text: TextRules
    flags: Callable[[Sources, Target, bool], tuple[Flag, ...]]
    steps: Callable[[Platform], tuple[Step, ...]]
    entry_steps: Callable[[Platform], tuple[Step, ...]]
    insert: Callable[[Template, Case, Path], UopSource]
    whole: bool
    order: Callable[[Sequence[Case], str], list[str]]
    footer: Callable[[Sequence[Fragment], str, TextRules], Iterator[str]]
    header_name: Callable[[Target], str]
    dispatches: bool
    keep_line: Callable[[str], bool]
    digest: Callable[[Sources, Target, bool, str], str]
    preamble: tuple[str, ...] = ()
    dispatcher: str = "jit_stencils.h"
    code: tuple[Path, ...] = ()
    passes: TreePasses | None = None
    linked_entry: bool = False
    canonical_names: bool = False

    @property
    def has_assembly_passes(self) -> bool:
        """Whether passes of the tree work on assembly, between runs of the compiler."""
        return self.passes is not None and bool(self.passes.assembly)

    def canonical(self, target: Target) -> Target:
        """Return a target as the tree's generator names it, which goes into the names and texts of its outputs."""
        return Target(target.platform.example, target.platform) if self.canonical_names else target


_PACKAGE = Path(__file__).resolve().parent.parent


def with_own_code(dialect: Dialect) -> Dialect:
    """Return the dialect with the files of its functions in *code*, so that an edit there is followed."""
    found = (defined_in(getattr(dialect, field.name)) for field in fields(dialect))
    files = {file for file in found if file is not None and not file.is_relative_to(_PACKAGE)}
    return replace(dialect, code=tuple(sorted({*files, *(path.resolve() for path in dialect.code)})))


def own_code_digest(dialect: Dialect) -> str:
    """Return a digest of a dialect's own code, empty for the dialects of copypatch. Raises OSError."""
    return digest(" ".join(map(digest_file, dialect.code))) if dialect.code else ""


def disassembly_lines(text: str, dialect: Dialect) -> list[str]:
    """Return llvm-objdump's text as the comment lines of a fragment."""
    return [line.expandtabs().strip() for line in text.splitlines() if dialect.keep_line(line)]


# Jumps to the next uop as the last instruction of a stencil, by relocation kind.
JUMP_AMD64_COFF = ContinuationJump("IMAGE_REL_AMD64_REL32", b"\x48\xff\x25\0\0\0\0", 3, -4, got=True)
JUMP_I386_COFF = ContinuationJump("IMAGE_REL_I386_REL32", b"\xe9\0\0\0\0", 1, -4)
JUMP_X86_64_MACHO = ContinuationJump("X86_64_RELOC_BRANCH", b"\xe9\0\0\0\0", 1, -4)
JUMP_X86_64_ELF = ContinuationJump("R_X86_64_PLT32", b"\xe9\0\0\0\0", 1, -4)
JUMP_X86_64_ELF_GOT = ContinuationJump("R_X86_64_GOTPCRELX", b"\xff\x25\0\0\0\0", 2, -4, got=True)
JUMP_AARCH64_ELF = ContinuationJump("R_AARCH64_JUMP26", b"\0\0\0\x14", 0, 0)

# Flags that every dialect's stencils need, with the reason.
COMMON_FLAGS = (
    # A stencil is not unwound through, and unwind tables would land in its data.
    "-fno-asynchronous-unwind-tables",
    # The compiler must not call functions behind our back: we could not know their addresses.
    "-fno-builtin",
    # Calls go through a pointer of 64 bits, so that no function is out of range.
    "-fno-plt",
    # The canary and the function that reports it would be holes that nobody fills.
    "-fno-stack-protector",
    "-std=c11",
)


def platform_flags(table: Mapping[str, tuple[str, ...]], platform: Platform) -> tuple[Flag, ...]:
    """Return what a platform adds to the flags."""
    return tuple(Flag(text) for text in table.get(platform.name, ()))


# clang would write the time into a COFF object; no section shows it, but no two objects would be the same.
_REPRODUCIBLE = {ObjectFormat.COFF: ("-mno-incremental-linker-compatible",)}


def reproducible_flags(platform: Platform) -> tuple[str, ...]:
    """Return the flags that keep the time out of an object."""
    return _REPRODUCIBLE.get(platform.object_format, ())


def defines_function(source: str, name: str) -> bool:
    """Tell whether C source defines a function: its name at the start of a line, as in CPython's style."""
    return re.search(rf"^{re.escape(name)}\(", source, re.MULTILINE) is not None

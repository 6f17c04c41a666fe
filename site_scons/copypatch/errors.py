"""The exceptions of copypatch: one small tree, one clear message each.

The library raises; an entry point (the SCons tool, the bootstrap) prints ``str(error)`` and exits non-zero.
Every message names the file, uop or option at fault and says what to do about it.
"""

from __future__ import annotations


class CopypatchError(Exception):
    """Base of everything that a user can cause and mend."""


class OptionError(CopypatchError):
    """A variable of the command line has a value that cannot be used."""


class ToolchainError(CopypatchError):
    """No LLVM, the wrong one, or one that lacks a tool or a target."""


class TreeError(CopypatchError):
    """A source tree that is not CPython, has no JIT, or is of an unknown dialect."""


class CasesError(CopypatchError):
    """The file of uop cases cannot be split."""


class TemplateError(CopypatchError):
    """The C template cannot take a case."""


class CompileError(CopypatchError):
    """clang refused one or more uops; its own words have been shown already."""


class ObjectError(CopypatchError):
    """An object, or what llvm-readobj says of it, cannot become a stencil."""


class RelocationError(ObjectError):
    """A relocation that no patch function of the dialect can express."""


class HolesFileError(CopypatchError):
    """A holes file is not of our format."""


class HeaderError(CopypatchError):
    """A header with stencils, or one of its functions, cannot be read back."""


class BaseError(CopypatchError):
    """What a build is to be compared with is not there, or cannot be compared."""


class GrownError(CopypatchError):
    """Code and data grew by more than the user allows."""


class MergeError(CopypatchError):
    """The fragments do not add up to a header."""


class OutputError(CopypatchError):
    """An output cannot be written."""


class NinjaError(CopypatchError):
    """A step that ninja runs cannot go on; what is said names the way out."""


class VerifyError(CopypatchError):
    """The header differs from what the tree's own generator writes, or the generator failed."""


class EmbedError(CopypatchError):
    """copypatch cannot be tied into a build folder, or out of it."""

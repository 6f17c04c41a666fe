"""The detour over LLVM IR that CPython 3.13 takes on x86, where clang 18 has no preserve_none.

GHC's calling convention serves instead. C cannot name it, so it is put into the text of the IR.
"""

from __future__ import annotations

import re

# A _JIT_ function where it is declared, defined or called.
_JIT_FUNCTION = re.compile(r"(?:(?:noalias|nonnull|noundef) )*ptr @_JIT_\w+\(")

# A declaration, a definition, a call by name and one through a pointer, each with and without musttail or
# attributes; and what is left alone.
SAMPLE = """\
define noalias noundef ptr @_JIT_ENTRY(ptr noundef %frame) {
  %a = musttail call ptr @_JIT_CONTINUE(ptr noundef %frame)
  %b = musttail call noundef ptr %target(ptr %frame)
  %c = tail call nonnull ptr @_JIT_ERROR_TARGET(ptr %frame)
  %d = call ptr @PyObject_Repr(ptr %frame)
  store i16 ptrtoint (ptr @_JIT_OPARG to i16), ptr %d
}
declare ptr @_JIT_TOP(ptr noundef)
declare noalias nonnull noundef ptr @_JIT_CONTINUE(ptr noundef)
declare ptr @_ENTRY(ptr noundef)
"""


def use_ghc_convention(ir: str) -> str:
    """Give every ``_JIT_`` function and every musttail call of LLVM IR the calling convention of GHC."""
    ir = _JIT_FUNCTION.sub(lambda match: f"ghccc {match[0]}", ir)
    # Calls through a pointer are all musttail calls of such functions.
    ir = ir.replace("musttail call", "musttail call ghccc")
    return ir.replace("ghccc ghccc", "ghccc")

"""The detour over LLVM IR that CPython 3.13 takes on x86, where clang 18 has no preserve_none.

GHC's calling convention serves instead. C cannot name it, so it is put into the text of the IR.
"""

from __future__ import annotations

import re

# A _JIT_ function where it is declared, defined or called.
_JIT_FUNCTION = re.compile(r"(?:(?:noalias|nonnull|noundef) )*ptr @_JIT_\w+\(")


def use_ghc_convention(ir: str) -> str:
    """Give every ``_JIT_`` function and every musttail call of LLVM IR the calling convention of GHC."""
    ir = _JIT_FUNCTION.sub(lambda match: f"ghccc {match[0]}", ir)
    # Calls through a pointer are all musttail calls of such functions.
    ir = ir.replace("musttail call", "musttail call ghccc")
    return ir.replace("ghccc ghccc", "ghccc")

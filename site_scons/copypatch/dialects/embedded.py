"""The embedded templates' dialect: a VM of our own, with 3.14's tables and trampolines."""

from __future__ import annotations

from copypatch import far_calls
from copypatch.dialects import Dialect, own
from copypatch.dialects.cpython_3_14 import EXPRESSIONS
from copypatch.merge import footer_3_14

NAME = "embedded"

_PARAMETERS = (
    "unsigned char *code, unsigned char *data, const cp_executor *executor,",
    "const cp_instruction *instruction, jit_state *state",
)


def dialect() -> Dialect:
    """Return the dialect of the embedded templates."""
    return own.dialect(
        name=NAME,
        values={**EXPRESSIONS, "TOP": "state->instruction_starts[0]"},
        parameters=_PARAMETERS,
        footer=footer_3_14,
        header_name=lambda target: f"jit_stencils-{target.triple}.h",
        dispatcher="jit_stencils.h",
        far_calls=far_calls.Strategy.NUMBERED,
        # The first with preserve_none.
        llvm_minimum=19,
    )

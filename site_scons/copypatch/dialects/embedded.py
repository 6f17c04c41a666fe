"""The embedded templates' dialect, and a model for another VM's: 3.14's ways with names of our own."""

from __future__ import annotations

from copypatch import far_calls
from copypatch.dialects import COMMON_FLAGS, DIRECT, Dialect, Flag, Sources, platform_flags
from copypatch.dialects.cpython_3_14 import EXPRESSIONS, JUMPS, PLATFORM_FLAGS, order
from copypatch.files import digest_file
from copypatch.fragment import TextRules
from copypatch.keys import Key
from copypatch.merge import footer_3_14
from copypatch.relocations import patch_functions
from copypatch.stencil import StencilRules
from copypatch.template import insert_case
from copypatch.triples import Target

NAME = "embedded"

_PARAMETERS = (
    "unsigned char *code, unsigned char *data, const cp_executor *executor,",
    "const cp_instruction *instruction, jit_state *state",
)
_PLATFORM_FLAGS = {
    **PLATFORM_FLAGS,
    # A call is one instruction, and the run time has a trampoline for functions that are too far away for it.
    "aarch64-linux": (*PLATFORM_FLAGS["aarch64-linux"], "-fplt"),
}
_EXPRESSIONS = {**EXPRESSIONS, "TOP": "state->instruction_starts[0]"}


def _flags(sources: Sources, target: Target, debug: bool) -> tuple[Flag, ...]:
    return (
        Flag(f"--target={target.triple}"),
        Flag("-D_DEBUG" if debug else "-DNDEBUG"),
        Flag("-I", sources.root, "templates"),
        # The headers of the compiler are enough, so that a cross target needs no libc.
        Flag("-ffreestanding"),
        Flag("-O3"),
        Flag("-ffile-prefix-map=", sources.root, "templates", "=."),
        # A jump table holds 32-bit addresses, which would tie the stencils to the lowest 2 GiB.
        Flag("-fno-jump-tables"),
        *map(Flag, COMMON_FLAGS),
        *platform_flags(_PLATFORM_FLAGS, target.platform),
    )


def _digest(sources: Sources, target: Target, debug: bool, cflags: str) -> str:
    key = Key("header")
    key.add("triple", target.triple)
    key.add("debug", str(int(debug)))
    key.add("cflags", cflags)
    for name in ("cases", "template", "entry"):
        key.add(name, digest_file(getattr(sources, name)))
    return key.hexdigest()


def dialect() -> Dialect:
    """Return the dialect of the embedded templates."""
    return Dialect(
        name=NAME,
        llvm=None,
        # The first with preserve_none.
        llvm_minimum=19,
        entry="shim",
        stencil=StencilRules(
            values=tuple(_EXPRESSIONS),
            patch_functions=patch_functions(NAME, paired=False),
            jumps=JUMPS,
            far_calls=far_calls.Strategy.NUMBERED,
            exact=True,
        ),
        text=TextRules(_PARAMETERS, _EXPRESSIONS),
        flags=_flags,
        steps=lambda platform: DIRECT,
        entry_steps=lambda platform: DIRECT,
        insert=insert_case,
        whole=False,
        order=order,
        footer=footer_3_14,
        header_name=lambda target: f"jit_stencils-{target.triple}.h",
        dispatches=True,
        keep_line=lambda line: True,
        digest=_digest,
    )

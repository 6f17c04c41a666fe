"""CPython 3.14: many targets, a ``shim`` group, preserve_none, numbered trampolines.

Format facts: Tools/jit of CPython 3.14.7 and 3.14.10.
"""

from __future__ import annotations

from collections.abc import Sequence

from copypatch import far_calls
from copypatch.cases import Case
from copypatch.dialects import (
    COMMON_FLAGS,
    DIRECT,
    JUMP_AARCH64_ELF,
    JUMP_AMD64_COFF,
    JUMP_I386_COFF,
    JUMP_X86_64_ELF,
    JUMP_X86_64_MACHO,
    Dialect,
    Flag,
    Sources,
    platform_flags,
)
from copypatch.dialects.cpython import DigestStyle, include_flags, tree_digest
from copypatch.fragment import TextRules
from copypatch.merge import footer_3_14
from copypatch.relocations import patch_functions
from copypatch.stencil import StencilRules
from copypatch.template import insert_case
from copypatch.tree_engine import TreePasses
from copypatch.triples import Target

NAME = "3.14"
_ENTRY = "shim"

EXPRESSIONS = {
    "CODE": "(uintptr_t)code",
    "CONTINUE": "(uintptr_t)code + sizeof(code_body)",
    "DATA": "(uintptr_t)data",
    "ERROR_TARGET": "state->instruction_starts[instruction->error_target]",
    "EXECUTOR": "(uintptr_t)executor",
    "JUMP_TARGET": "state->instruction_starts[instruction->jump_target]",
    "OPARG": "instruction->oparg",
    "OPERAND0": "instruction->operand0",
    "OPERAND0_HI": "(instruction->operand0 >> 32)",
    "OPERAND0_LO": "(instruction->operand0 & UINT32_MAX)",
    "OPERAND1": "instruction->operand1",
    "OPERAND1_HI": "(instruction->operand1 >> 32)",
    "OPERAND1_LO": "(instruction->operand1 & UINT32_MAX)",
    "TARGET": "instruction->target",
    "ZERO": "",
}
_PARAMETERS = (
    "unsigned char *code, unsigned char *data, _PyExecutorObject *executor,",
    "const _PyUOpInstruction *instruction, jit_state *state",
)
PLATFORM_FLAGS = {
    # Outlined atomics would be calls into a library that nobody has linked.
    "aarch64-linux": ("-fpic", "-mno-outline-atomics"),
    "aarch64-windows": ("-fms-runtime-lib=dll", "-fplt"),
    # There is no preserve_none on 32 bits, and the warning would stand once per uop.
    "i686-windows": ("-DPy_NO_ENABLE_SHARED", "-Wno-ignored-attributes"),
    # Every address is a hole of 64 bits: code and data can lie anywhere.
    "x86_64-linux": ("-fno-pic", "-mcmodel=medium", "-mlarge-data-threshold=0"),
    "x86_64-windows": ("-fms-runtime-lib=dll",),
}
JUMPS = (JUMP_AMD64_COFF, JUMP_I386_COFF, JUMP_X86_64_ELF, JUMP_X86_64_MACHO, JUMP_AARCH64_ELF)


def _flags(sources: Sources, target: Target, debug: bool) -> tuple[Flag, ...]:
    return (
        Flag(f"--target={target.triple}"),
        Flag("-DPy_BUILD_CORE_MODULE"),
        Flag("-D_DEBUG" if debug else "-DNDEBUG"),
        Flag("-D_PyJIT_ACTIVE"),
        Flag("-D_Py_JIT"),
        *include_flags(sources),
        Flag("-I", sources.template.parent, "tools"),
        Flag("-O3"),
        # __FILE__ names the file within the tree, wherever that is.
        Flag("-ffile-prefix-map=", sources.root, "tree", "=."),
        *map(Flag, COMMON_FLAGS),
        *platform_flags(PLATFORM_FLAGS, target.platform),
    )


def order(cases: Sequence[Case], entry: str) -> list[str]:
    """The entry, and the uops sorted by the text of their case: ``_X: {`` comes after ``_X1``, before ``_X_Y``."""
    return [entry, *(case.opname for case in sorted(cases, key=lambda case: case.text))]


def dialect(*, digest_style: DigestStyle, llvm: int = 19, passes: TreePasses | None = None) -> Dialect:
    """Return the dialect of a 3.14 tree, whose generator asks for LLVM *llvm*; with *passes*, those are run."""
    return Dialect(
        name=NAME,
        llvm=llvm,
        llvm_minimum=19,
        entry=_ENTRY,
        stencil=StencilRules(
            values=tuple(EXPRESSIONS),
            patch_functions=patch_functions(NAME, paired=False),
            jumps=JUMPS,
            far_calls=far_calls.Strategy.NUMBERED,
        ),
        text=TextRules(_PARAMETERS, EXPRESSIONS),
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
        digest=lambda sources, target, debug, cflags: tree_digest(sources, target, debug, cflags, digest_style),
        passes=passes,
    )

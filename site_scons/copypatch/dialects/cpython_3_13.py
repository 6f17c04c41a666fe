"""CPython 3.13: one header, a ``trampoline`` group, clang 18 and its detour over LLVM IR on x86.

Format facts: Tools/jit of CPython 3.13.5 and 3.13.15.
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
    JUMP_X86_64_ELF_GOT,
    JUMP_X86_64_MACHO,
    Dialect,
    Flag,
    Sources,
    Step,
    platform_flags,
)
from copypatch.dialects.cpython import DigestStyle, include_flags, tree_digest
from copypatch.dialects.ghc_convention import SAMPLE, use_ghc_convention
from copypatch.fragment import TextRules
from copypatch.merge import footer_3_13
from copypatch.relocations import patch_functions
from copypatch.stencil import StencilRules
from copypatch.template import include_cases
from copypatch.tree_engine import TreePasses
from copypatch.triples import Platform, Target

NAME = "3.13"
_ENTRY = "trampoline"

_EXPRESSIONS = {
    "CODE": "(uintptr_t)code",
    "CONTINUE": "(uintptr_t)code + sizeof(code_body)",
    "DATA": "(uintptr_t)data",
    "ERROR_TARGET": "instruction_starts[instruction->error_target]",
    "EXECUTOR": "(uintptr_t)executor",
    "EXIT_INDEX": "instruction->exit_index",
    "JUMP_TARGET": "instruction_starts[instruction->jump_target]",
    "OPARG": "instruction->oparg",
    "OPERAND": "instruction->operand",
    "OPERAND_HI": "(instruction->operand >> 32)",
    "OPERAND_LO": "(instruction->operand & UINT32_MAX)",
    "TARGET": "instruction->target",
    "TOP": "instruction_starts[1]",
    "ZERO": "",
}
_PARAMETERS = (
    "unsigned char *code, unsigned char *data, _PyExecutorObject *executor,",
    "const _PyUOpInstruction *instruction, uintptr_t instruction_starts[]",
)
_PLATFORM_FLAGS = {
    "aarch64-linux": ("-fpic", "-mno-outline-atomics"),
    "aarch64-windows": ("-fms-runtime-lib=dll",),
    "i686-windows": ("-DPy_NO_ENABLE_SHARED",),
    "x86_64-linux": ("-fpic",),
    "x86_64-windows": ("-fms-runtime-lib=dll",),
}


def _flags(sources: Sources, target: Target, debug: bool) -> tuple[Flag, ...]:
    return (
        Flag(f"--target={target.triple}"),
        Flag("-DPy_BUILD_CORE_MODULE"),
        Flag("-D_DEBUG" if debug else "-DNDEBUG"),
        Flag("-D_PyJIT_ACTIVE"),
        Flag("-D_Py_JIT"),
        # The generator compiles the template where it is, so quotes look beside it first.
        Flag("-iquote", sources.template.parent, "tools", ours=True),
        *include_flags(sources),
        Flag("-O3"),
        *map(Flag, COMMON_FLAGS),
        *platform_flags(_PLATFORM_FLAGS, target.platform),
    )


_IR_STEPS = (
    # GHC's convention passes an argument in RBP, so no frame pointer can be there.
    Step(".ll", ("-S", "-emit-llvm", "-fomit-frame-pointer"), use_ghc_convention, SAMPLE),
    Step(".o", ("-c", "-Wno-unused-command-line-argument")),
)


def _uses_ir(platform: Platform) -> bool:
    return not platform.name.startswith("aarch64")


def _steps(platform: Platform) -> tuple[Step, ...]:
    return _IR_STEPS if _uses_ir(platform) else DIRECT


def _entry_steps(platform: Platform) -> tuple[Step, ...]:
    # Where no calling convention changes, the trampoline is empty.
    return _IR_STEPS if _uses_ir(platform) else ()


def _order(cases: Sequence[Case], entry: str) -> list[str]:
    return sorted([entry, *(case.opname for case in cases)])


def dialect(*, paired: bool, digest_style: DigestStyle, passes: TreePasses | None = None) -> Dialect:
    """Return the dialect of a 3.13 tree; with *passes*, those are run.

    *paired*: its run time has ``patch_aarch64_33rx`` and wants ADRP + LDR pairs folded into it (3.13.5).
    """
    return Dialect(
        name=NAME,
        llvm=18,
        llvm_minimum=18,
        entry=_ENTRY,
        stencil=StencilRules(
            values=tuple(_EXPRESSIONS),
            patch_functions=patch_functions(NAME, paired=paired),
            jumps=(JUMP_AMD64_COFF, JUMP_I386_COFF, JUMP_X86_64_MACHO, JUMP_AARCH64_ELF, JUMP_X86_64_ELF_GOT),
            far_calls=far_calls.Strategy.INLINE,
            # The trampoline's entry has the platform's convention, and a name that tells.
            entry_symbols=("_JIT_ENTRY", "_ENTRY"),
            aligned_jumps=True,
            pad_with_nops=False,
            comment_empty_padding=True,
        ),
        text=TextRules(_PARAMETERS, _EXPRESSIONS, strip_zeros=False, literal_zero=False, fold_pairs=paired),
        flags=_flags,
        steps=_steps,
        entry_steps=_entry_steps,
        insert=include_cases,
        whole=True,
        order=_order,
        footer=footer_3_13,
        header_name=lambda target: "jit_stencils.h",
        dispatches=False,
        keep_line=lambda line: not line.isspace(),
        digest=lambda sources, target, debug, cflags: tree_digest(sources, target, debug, None, digest_style),
        passes=passes,
    )

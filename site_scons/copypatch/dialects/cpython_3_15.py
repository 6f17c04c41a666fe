"""CPython 3.15 and later: assembly that passes of the tree work on, a shim that is linked, and the tree's own text.

Format facts: Tools/jit of CPython 3.15.2. What turns assembly into better assembly and objects into C text are the
tree's own Python files (:mod:`copypatch.tree_engine`); here is what the compiler is asked for, which those check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from copypatch import far_calls
from copypatch.cases import Case
from copypatch.dialects import Dialect, Flag, Sources, Step
from copypatch.dialects.cpython import LAYOUT as LAYOUT_BEFORE
from copypatch.dialects.cpython import DigestStyle, include_flags, tree_digest
from copypatch.fragment import TextRules
from copypatch.stencil import StencilRules
from copypatch.template import insert_case
from copypatch.tree_engine import TreePasses
from copypatch.triples import ObjectFormat, Target

NAME = "3.15"
LAYOUT = replace(
    LAYOUT_BEFORE,
    called={
        **LAYOUT_BEFORE.called,
        "_optimizers.py": (),
        "_targets.py": (
            "get_target",
            "_build_stencils",
            "_build_stencil_group",
            "_build_shim_object",
            "_get_shim_unwind_info",
        ),
        "_writer.py": ("dump", "_dump_stencil", "dump_unwind_info"),
    },
    assembly=frozenset({"_optimizers.py", "_targets.py"}),
    shim=frozenset({"_dwarf.py", "_targets.py", "_writer.py"}),
    # One more tool for people.
    nothing=LAYOUT_BEFORE.nothing | {"example_trace_dump.py"},
)

_PLATFORM_FLAGS = {
    # Outlined atomics would be calls into a library that nobody has linked.
    "aarch64-linux": ("-fpic", "-mno-outline-atomics"),
    # There is no preserve_none on 32 bits; the generator knows no relocation against an SSE constant there.
    "i686-windows": ("-DPy_NO_ENABLE_SHARED", "-Wno-ignored-attributes", "-mno-sse"),
    # Every address is a hole of 64 bits: code and data can lie anywhere.
    "x86_64-linux": ("-fno-pic", "-mcmodel=medium", "-mlarge-data-threshold=0", "-fno-plt"),
}
# Where frames are unwound by their frame pointers, a stencil leaves the register alone.
_FRAME_POINTERS = ("-Xclang", "-mframe-pointer=reserved")

STEPS = (Step(".s", ("-S",)), Step(".opt.s", (), passes=True), Step(".o", ("-c",), assembles=True))


def _flags(sources: Sources, target: Target, debug: bool) -> tuple[Flag, ...]:
    platform = target.platform
    own = list(_PLATFORM_FLAGS.get(platform.name, ()))
    if platform.name in ("aarch64-windows", "x86_64-windows"):
        own.insert(0, "-fms-runtime-lib=dll_dbg" if debug else "-fms-runtime-lib=dll")
    return (
        Flag(f"--target={target.triple}"),
        Flag("-DPy_BUILD_CORE_MODULE"),
        Flag("-D_DEBUG" if debug else "-DNDEBUG"),
        # A64 builds a constant of 16 or 32 bits in an instruction or two.
        Flag(f"-DSUPPORTS_SMALL_CONSTS={int(platform.name.startswith('aarch64'))}"),
        Flag("-D_PyJIT_ACTIVE"),
        Flag("-D_Py_JIT"),
        *include_flags(sources),
        Flag("-I", sources.template.parent, "tools"),
        # As -O2, without what makes code longer for the sake of its alignment.
        Flag("-Os"),
        # __FILE__ names the file within the tree, wherever that is.
        Flag("-ffile-prefix-map=", sources.root, "tree", "=."),
        # The compiler must not call what nobody can patch: built-in functions, the report of a canary.
        Flag("-fno-builtin"),
        Flag("-fno-stack-protector"),
        Flag("-std=c11"),
        # A stencil is not unwound through, and the passes would lose what says how.
        Flag("-fno-unwind-tables"),
        Flag("-fno-asynchronous-unwind-tables"),
        *map(Flag, _FRAME_POINTERS if platform.object_format is ObjectFormat.ELF else ()),
        *map(Flag, own),
    )


def _order(cases: Sequence[Case], _entry: str) -> list[str]:
    """The uops sorted by the text of their case; the entry is an object of its own."""
    return [case.opname for case in sorted(cases, key=lambda case: case.text)]


def dialect(*, digest_style: DigestStyle, llvm: int, passes: TreePasses | None) -> Dialect:
    """Return the dialect of a tree with *passes*, whose generator asks for LLVM *llvm*.

    Without them it says what a tree is, and makes nothing: none of our code takes their place.
    """
    return Dialect(
        name=NAME,
        llvm=llvm,
        llvm_minimum=19,
        entry="shim",
        stencil=StencilRules((), {}, (), far_calls.Strategy.NUMBERED),
        text=TextRules((), {}),
        flags=_flags,
        steps=lambda platform: STEPS,
        entry_steps=lambda platform: (Step(".o", ("-c",)),),
        insert=insert_case,
        whole=False,
        order=_order,
        # The tables behind the fragments are the tree's, too.
        footer=lambda fragments, entry, rules: iter(()),
        header_name=lambda target: f"jit_stencils-{target.triple}.h",
        dispatches=True,
        keep_line=lambda line: True,
        digest=lambda sources, target, debug, cflags: tree_digest(sources, target, debug, cflags, digest_style),
        passes=passes,
        linked_entry=True,
        canonical_names=True,
    )

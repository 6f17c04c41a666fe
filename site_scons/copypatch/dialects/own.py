"""The dialect of a VM of one's own: what there is to say about its stencils, and sound ways for all the rest.

docs/another-vm.md shows how an SConstruct uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from copypatch import far_calls
from copypatch.dialects import COMMON_FLAGS, DIRECT, Dialect, Flag, Sources, platform_flags
from copypatch.dialects.cpython_3_14 import JUMPS, PLATFORM_FLAGS, order
from copypatch.errors import TreeError
from copypatch.files import digest_file
from copypatch.fragment import Fragment, TextRules
from copypatch.keys import Key
from copypatch.relocations import patch_functions
from copypatch.stencil import StencilRules
from copypatch.template import insert_case
from copypatch.triples import Target

# What every dialect can ask for, in terms of an emit function's own names.
_ALWAYS = {
    "CODE": "(uintptr_t)code",
    "CONTINUE": "(uintptr_t)code + sizeof(code_body)",
    "DATA": "(uintptr_t)data",
    "ZERO": "",
}
# A call is one instruction, so that it can be led to a trampoline where its function is too far away.
_PLATFORM_FLAGS = {**PLATFORM_FLAGS, "aarch64-linux": (*PLATFORM_FLAGS["aarch64-linux"], "-fplt")}


def flags(sources: Sources, target: Target, debug: bool) -> tuple[Flag, ...]:
    """Return compiler flags that suit templates which include nothing but the compiler's and their own headers."""
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


def dialect(
    *,
    name: str,
    values: Mapping[str, str],
    parameters: Sequence[str],
    footer: Callable[[Sequence[Fragment], str, TextRules], Iterator[str]],
    header_name: Callable[[Target], str],
    entry: str = "shim",
    value_prefix: str = "_JIT_",
    entry_symbols: Sequence[str] = ("_JIT_ENTRY",),
    preamble: Sequence[str] = (),
    dispatcher: str = "",
    flags: Callable[[Sources, Target, bool], tuple[Flag, ...]] = flags,
    far_calls: far_calls.Strategy = far_calls.Strategy.INLINE,
    llvm: int | None = None,
    llvm_minimum: int = 19,
    code: Sequence[Path] = (),
) -> Dialect:
    """Return a dialect.

    *values* are the holes that the templates can have: the C expression of what is patched in, by the name of
    the symbol without its *value_prefix*. CODE, DATA and CONTINUE (the next uop's code) are always there.
    *parameters* are the lines of an emit function's parameter list, ``unsigned char *code`` and ``*data`` among
    them. *entry_symbols* name the function that a template defines. *entry* names the group that enters a trace.
    *preamble* and *footer* are the lines of the header before and after its functions; *header_name* names it.
    With *dispatcher*, several targets' headers can be made, and this one picks among them. *llvm* is the major
    version asked for; *llvm_minimum* the oldest that will do where none is. *code* are files that the functions
    given here use, and which are to be followed besides the functions' own files.

    Raises TreeError for parameters that the functions' bodies could not use.
    """
    declared = " ".join(parameters)
    for needed in ("unsigned char *code", "unsigned char *data"):
        if needed not in declared:
            raise TreeError(
                f"dialect {name}: parameters: no `{needed}` among them, which every emit function writes to"
            )
    expressions = {**_ALWAYS, **values}
    return Dialect(
        name=name,
        llvm=llvm,
        llvm_minimum=llvm_minimum,
        entry=entry,
        stencil=StencilRules(
            values=tuple(expressions),
            # The embedded templates' run time has a function for every kind.
            patch_functions=patch_functions("embedded", paired=False),
            jumps=JUMPS,
            far_calls=far_calls,
            value_prefix=value_prefix,
            entry_symbols=tuple(entry_symbols),
            exact=True,
        ),
        text=TextRules(tuple(parameters), expressions),
        flags=flags,
        steps=lambda platform: DIRECT,
        entry_steps=lambda platform: DIRECT,
        insert=insert_case,
        whole=False,
        order=order,
        footer=footer,
        header_name=header_name,
        dispatches=bool(dispatcher),
        keep_line=lambda line: True,
        digest=_digest,
        preamble=tuple(preamble),
        dispatcher=dispatcher,
        code=tuple(code),
    )

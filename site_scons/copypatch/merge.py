"""The merge: all fragments of a target into one header, and the dispatching header over the targets.

Only here is the whole set of uops known, so only here are trampolines numbered and masks made.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from copypatch.errors import MergeError
from copypatch.fragment import Fragment, TextRules, number
from copypatch.triples import Target

_MASK_BITS = 32


def ordinals(fragments: Sequence[Fragment]) -> dict[str, int]:
    """Number the trampolines: from 0, in the order in which the header's functions name them."""
    names = itertools.chain.from_iterable(fragment.trampolines for fragment in fragments)
    return {name: ordinal for ordinal, name in enumerate(dict.fromkeys(names))}


def mask(fragment: Fragment, numbers: Mapping[str, int]) -> str:
    """Return the initializer of a fragment's symbol mask: words of 32 bits, the lowest ordinals first."""
    return mask_of(fragment.trampolines, numbers)


def mask_of(names: Iterable[str], numbers: Mapping[str, int]) -> str:
    """Return the initializer of a mask of symbols. Raises KeyError for one without a number."""
    bits = sum(1 << numbers[name] for name in names)
    words = []
    while bits:
        words.append(f"{bits & ((1 << _MASK_BITS) - 1):#04x}")
        bits >>= _MASK_BITS
    return "{" + (", ".join(words) or "0") + "}"


def named(fragments: Sequence[Fragment]) -> dict[str, Fragment]:
    """Return the fragments by their uops, in their order. Raises MergeError when a uop stands twice."""
    names = [fragment.opname for fragment in fragments]
    if len(set(names)) != len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise MergeError(f"{repeated}: two fragments of this name; is there a uop called like the shim?")
    return dict(zip(names, fragments, strict=True))


def head(first_lines: Sequence[str]) -> str:
    """Return what a header begins with."""
    return "".join(f"{line}\n" for line in [*first_lines, ""])


def header(first_lines: Sequence[str], fragments: Sequence[Fragment], footer: Iterator[str]) -> str:
    """Return the text of a target's header.

    *fragments* are in the dialect's order. Raises MergeError when a uop stands twice.
    """
    named(fragments)
    numbers = ordinals(fragments)
    parts = [head(first_lines)]
    parts += [number(fragment, numbers) for fragment in fragments]
    parts += [f"{line}\n" for line in footer]
    return "".join(parts)


def footer_3_13(fragments: Sequence[Fragment], entry: str, rules: TextRules) -> Iterator[str]:
    """Yield 3.13's tables: the entry group, and the groups of all uops by uop id."""
    yield from _group_type(rules, ())
    yield ""
    groups = {fragment.opname: _sizes(fragment) for fragment in fragments}
    yield from _groups(groups, entry)


def footer_3_14(fragments: Sequence[Fragment], entry: str, rules: TextRules) -> Iterator[str]:
    """Yield 3.14's tables: as 3.13's, with a mask of trampolines for each group and the functions by ordinal."""
    numbers = ordinals(fragments)
    words = max(-(-len(numbers) // _MASK_BITS), 1)
    yield f'static_assert(SYMBOL_MASK_WORDS >= {words}, "SYMBOL_MASK_WORDS too small");'
    yield ""
    yield from _group_type(rules, ("symbol_mask trampoline_mask;",))
    yield ""
    yield from _groups({f.opname: f"{_sizes(f)}, {mask(f, numbers)}" for f in fragments}, entry)
    yield ""
    yield f"static const void * const symbols_map[{max(len(numbers), 1)}] = {{"
    yield from (f"    [{ordinal}] = &{name}," for name, ordinal in numbers.items())
    if not numbers:
        yield "    0"
    yield "};"


def _group_type(rules: TextRules, more_fields: Sequence[str]) -> Iterator[str]:
    yield "typedef struct {"
    yield "    void (*emit)("
    *init, last = rules.parameters
    for line in init:
        yield f"        {line}"
    yield f"        {last});"
    yield "    size_t code_size;"
    yield "    size_t data_size;"
    yield from (f"    {field}" for field in more_fields)
    yield "} StencilGroup;"


def _sizes(fragment: Fragment) -> str:
    return f"emit_{fragment.opname}, {fragment.code_size}, {fragment.data_size}"


def _groups(groups: Mapping[str, str], entry: str) -> Iterator[str]:
    yield f"static const StencilGroup {entry} = {{{groups[entry]}}};"
    yield ""
    yield "static const StencilGroup stencil_groups[MAX_UOP_ID + 1] = {"
    yield from (f"    [{name}] = {{{groups[name]}}}," for name in sorted(groups) if name != entry)
    yield "};"


def dispatcher(first_lines: Sequence[str], headers: Sequence[tuple[Target, str]]) -> str:
    """Return the header that includes the right target's header, by the compiler's own macros."""
    lines = list(first_lines)
    for index, (target, name) in enumerate(headers):
        lines += [f"{'#elif' if index else '#if'} {target.platform.condition}", f'#include "{name}"']
    lines += ["#else", '#error "unexpected target"', "#endif"]
    return "".join(f"{line}\n" for line in lines)

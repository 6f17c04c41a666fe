"""The merge: it numbers, and nothing else does; so it depends on the set of fragments alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.pipeline import DIALECTS, fragment_of, header_of

from copypatch import merge
from copypatch.cases import Case
from copypatch.dialects import Dialect
from copypatch.fragment import Fragment
from copypatch.holes import ZERO, Hole, Stencil, StencilGroup

_relaxed = settings(max_examples=60, deadline=None)
_functions = st.lists(st.integers(0, 120).map("fn{}".format), max_size=12, unique=True).map(tuple)
_sets = st.dictionaries(st.from_regex(r"_[A-Z]{1,2}[0-9_]?", fullmatch=True), _functions, min_size=1, max_size=8)


def group(opname: str, functions: tuple[str, ...]) -> StencilGroup:
    holes = tuple(
        Hole(4 * index, "R_AARCH64_CALL26", "patch_aarch64_trampoline", ZERO, name, 0, trampoline=True)
        for index, name in enumerate(functions)
    )
    quoted = tuple(f"patch_aarch64_trampoline(code + 0x0, @ordinal({name})@, state);" for name in functions)
    return StencilGroup(opname, Stencil(b"\1" * 4 * len(holes), holes, quoted), Stencil(b"", (), ()), (), functions)


def ordered(fragments: dict[str, Fragment], dialect: Dialect) -> list[Fragment]:
    cases = [Case(name, f"case {name}: {{\n        }}", 1) for name in sorted(fragments) if name != dialect.entry]
    return [fragments[name] for name in dialect.order(cases, dialect.entry)]


@_relaxed
@given(data=st.data(), uops=_sets)
def test_the_header_does_not_depend_on_the_order_of_building(
    data: st.DataObject, uops: dict[str, tuple[str, ...]]
) -> None:
    dialect = DIALECTS["3.14"]
    names = [dialect.entry, *uops]
    built = {name: fragment_of(group(name, uops.get(name, ())), dialect) for name in names}
    names = data.draw(st.permutations(names))
    again = {name: fragment_of(group(name, uops.get(name, ())), dialect) for name in names}
    assert header_of(ordered(built, dialect), dialect) == header_of(ordered(again, dialect), dialect)


@_relaxed
@given(uops=_sets)
def test_ordinals_are_dense_and_every_call_and_mask_and_the_map_agree(uops: dict[str, tuple[str, ...]]) -> None:
    dialect = DIALECTS["3.14"]
    built = {name: fragment_of(group(name, uops.get(name, ())), dialect) for name in (dialect.entry, *uops)}
    fragments = ordered(built, dialect)
    numbers = merge.ordinals(fragments)
    assert sorted(numbers.values()) == list(range(len(numbers)))
    assert numbers.keys() == {name for functions in uops.values() for name in functions}
    text = header_of(fragments, dialect)
    # The table that the run time looks functions up in.
    table = dict(re.findall(r"^    \[(\d+)\] = &(\w+),$", text, re.MULTILINE))
    assert table == {str(number): name for name, number in numbers.items()}
    for fragment in fragments:
        body = text[text.index(f"\nemit_{fragment.opname}(\n") :].partition("\n}\n")[0]
        called = re.findall(r"^    patch_aarch64_trampoline\(code \+ \w+, (0x[0-9a-f]+), state\);", body, re.M)
        assert [int(number, 16) for number in called] == [numbers[name] for name in fragment.trampolines]
        # What the disassembly quotes is no call.
        assert body.count("@ordinal(") == len(fragment.trampolines)
        found = re.search(rf"{{emit_{fragment.opname}, \d+, \d+, {{([^}}]*)}}}}", text)
        assert found is not None
        words = [int(word, 16) for word in found[1].split(", ")]
        bits = {32 * index + bit for index, word in enumerate(words) for bit in range(32) if word >> bit & 1}
        assert bits == {numbers[name] for name in fragment.trampolines}
        assert all(word < 1 << 32 for word in words)
    needed = int(re.findall(r"SYMBOL_MASK_WORDS >= (\d+)", text)[0])
    assert needed == max(1, -(-len(numbers) // 32))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@_relaxed
@given(uops=_sets)
def test_every_uop_is_in_the_header_once_and_in_its_table(
    dialect: Dialect, uops: dict[str, tuple[str, ...]]
) -> None:
    built = {name: fragment_of(group(name, ()), dialect) for name in (dialect.entry, *uops)}
    text = header_of(ordered(built, dialect), dialect)
    assert sorted(re.findall(r"^emit_(\w+)\($", text, re.MULTILINE)) == sorted(built)
    assert re.findall(r"^    \[(\w+)\] = \{emit_\1, ", text, re.MULTILINE) == sorted(uops)
    assert text.count(f"static const StencilGroup {dialect.entry} = {{emit_{dialect.entry}, ") == 1

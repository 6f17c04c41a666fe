"""What holds for the stencils of any well-formed object, in every dialect and for every target."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from property import objects
from property.pipeline import DIALECTS, Texts, fragment_of, group_of

from copypatch import holes_file
from copypatch.dialects import Dialect
from copypatch.errors import ObjectError, RelocationError
from copypatch.holes import CODE, DATA, ZERO, Hole, Stencil, StencilGroup
from copypatch.relocations import KINDS
from copypatch.triples import Platform

_relaxed = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def made(parts: tuple[objects.Part, ...], platform: Platform, dialect: Dialect) -> StencilGroup | None:
    """The group, or None where the object is refused, which has to name the uop."""
    texts = Texts("_A", objects.readobj_text(parts, platform, "_A.o"))
    try:
        return group_of(texts, objects.target_of(platform), dialect)
    except ObjectError as refusal:
        error = refusal
    assert str(error).startswith("_A: ")
    if isinstance(error, RelocationError):
        assert any(reference.kind in str(error) for part in parts for reference in part.references)
    return None


@every_dialect
@_relaxed
@given(data=st.data(), platform=objects.platforms)
def test_a_group_is_aligned_and_its_holes_are_in_order_and_resolved(
    dialect: Dialect, data: st.DataObject, platform: Platform
) -> None:
    parts = data.draw(objects.objects(platform))
    group = made(parts, platform, dialect)
    assume(group is not None)
    assert group is not None
    assert len(group.code.body) % platform.alignment == 0
    assert len(group.data.body) % (16 if dialect.stencil.exact else 8) == 0
    assert ("_JIT_ENTRY", CODE, 0) in group.symbols
    for stencil in (group.code, group.data):
        offsets = [hole.offset for hole in stencil.holes]
        assert offsets == sorted(offsets)
        assert all(offset >= 0 and offset + 4 <= len(stencil.body) for offset in offsets)
        for hole in stencil.holes:
            # Addends are signed, values are the dialect's, and no name that is known stays a symbol.
            assert -(1 << 63) <= hole.addend < 1 << 63
            assert hole.value in {CODE, DATA, ZERO, *dialect.stencil.values}
            assert hole.symbol is None or hole.value == ZERO
            if not hole.trampoline:
                functions = {dialect.stencil.patch_functions[hole.kind]}
                if dialect.stencil.exact:
                    functions.add(KINDS[hole.kind].direct)
                assert hole.function in functions
                assert hole.symbol not in {name for name, *_ in group.symbols}


@every_dialect
@_relaxed
@given(data=st.data(), platform=objects.platforms)
def test_the_bytes_of_the_object_are_kept(dialect: Dialect, data: st.DataObject, platform: Platform) -> None:
    parts = data.draw(objects.objects(platform))
    group = made(parts, platform, dialect)
    assume(group is not None)
    assert group is not None
    for part in parts:
        # But for the branches that 3.13 sends to a trampoline, and a jump to the next uop at the end.
        if not part.executable:
            assert part.body in group.data.body
        elif "aarch64" not in platform.name:
            kept = part.body if part is not parts[0] else part.body[:-7]
            assert kept[: len(group.code.body)] in group.code.body


_names = st.text(min_size=1, max_size=12)
_int64 = st.integers(-(1 << 63), (1 << 63) - 1)
_holes = st.builds(
    Hole,
    offset=st.integers(0, 1 << 20),
    kind=_names,
    function=_names,
    value=_names,
    symbol=st.none() | _names,
    addend=_int64,
    trampoline=st.booleans(),
)
_stencils = st.builds(
    Stencil,
    body=st.binary(max_size=20),
    holes=st.lists(_holes, max_size=3).map(tuple),
    disassembly=st.lists(st.text(), max_size=3).map(tuple),
)
_groups = st.builds(
    StencilGroup,
    opname=_names,
    code=_stencils,
    data=_stencils,
    symbols=st.dictionaries(_names, st.tuples(st.sampled_from([CODE, DATA]), _int64), max_size=3).map(
        lambda symbols: tuple(sorted((name, *place) for name, place in symbols.items()))
    ),
    trampolines=st.lists(_names, max_size=3).map(tuple),
)


@_relaxed
@given(_groups)
def test_a_holes_file_round_trips(group: StencilGroup) -> None:
    text = holes_file.dump(group)
    assert holes_file.load(text, "x") == group
    assert text.encode().isascii()


@every_dialect
@_relaxed
@given(group=_groups)
def test_a_fragments_metadata_round_trips(dialect: Dialect, group: StencilGroup) -> None:
    clean = Stencil(b"", (), ())
    code, data = (dataclasses.replace(clean, body=stencil.body) for stencil in (group.code, group.data))
    group = dataclasses.replace(group, code=code, data=data)
    read = fragment_of(group, dialect)
    assert (read.opname, read.code_size, read.data_size) == (group.opname, len(code.body), len(data.body))
    assert read.trampolines == group.trampolines
    assert read.text.startswith(f"void\nemit_{group.opname}(\n")

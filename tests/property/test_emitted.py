"""The C text of a stencil group says all that the group holds: read back it is the same, in every dialect."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from property import objects
from property.pipeline import DIALECTS, Texts, fragment_of, group_of, header_of

from copypatch import emitted, fragment
from copypatch.dialects import Dialect
from copypatch.emitted import Part, Patch
from copypatch.errors import HeaderError, ObjectError
from copypatch.holes import Stencil, StencilGroup
from copypatch.triples import Platform

_relaxed = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def described(stencil: Stencil, dialect: Dialect) -> Part:
    """What the text of a stencil is to say."""
    shown = len(stencil.body.rstrip(b"\0")) if dialect.text.strip_zeros else len(stencil.body)
    patches = []
    for hole in stencil.holes:
        value = f"@ordinal({hole.symbol})@, state" if hole.trampoline else fragment.expression(hole, dialect.text)
        patches.append(Patch(hole.offset, hole.function, value))
    return Part(stencil.body, shown, tuple(patches), stencil.disassembly)


def group(data: st.DataObject, platform: Platform, dialect: Dialect) -> StencilGroup:
    parts = data.draw(objects.objects(platform))
    try:
        return group_of(
            Texts("_A", objects.readobj_text(parts, platform, "_A.o")), objects.target_of(platform), dialect
        )
    except ObjectError:
        assume(False)
        raise


@every_dialect
@_relaxed
@given(data=st.data(), platform=objects.platforms)
def test_a_fragment_says_what_the_group_holds(dialect: Dialect, data: st.DataObject, platform: Platform) -> None:
    made = group(data, platform, dialect)
    one = fragment_of(made, dialect)
    read = emitted.parse_function(one.text, (one.code_size, one.data_size), "_A")
    assert read.opname == "_A"
    assert read.parameters == dialect.text.parameters
    for part, stencil in ((read.code, made.code), (read.data, made.data)):
        wanted = described(stencil, dialect)
        assert (part.body, part.shown) == (wanted.body, wanted.shown)
        if not dialect.text.fold_pairs:
            assert part.patches == wanted.patches
    assert (*read.code.comments, *read.data.comments) == (*made.code.disassembly, *made.data.disassembly)
    assert emitted.write(read) == one.text


@every_dialect
@_relaxed
@given(data=st.data(), platform=objects.platforms)
def test_a_header_says_what_its_fragments_say(dialect: Dialect, data: st.DataObject, platform: Platform) -> None:
    made = group(data, platform, dialect)
    empty = StencilGroup(dialect.entry, Stencil(b"", (), ()), Stencil(b"", (), ()), (), ())
    fragments = [fragment_of(empty, dialect), fragment_of(made, dialect)]
    read = emitted.parse_header(f"// digest\n// $ scons\n\n{header_of(fragments, dialect)}", "x.h")
    assert read.first_lines == ("// digest", "// $ scons")
    wanted = {
        one.opname: emitted.parse_function(one.text, (one.code_size, one.data_size), "x") for one in fragments
    }
    assert {one.opname: one for one in read.functions} == wanted


@given(st.text(alphabet=st.sampled_from('void\nemt_X({}) /0:x4,;="&data+'), max_size=400), st.text(max_size=60))
def test_whatever_is_read_the_mistake_is_told(text: str, other: str) -> None:
    for candidate in (text, other, f"void\nemit__X(\n    a)\n{{\n{text}\n}}\n[_X] = {{emit__X, 1, 2}},\n"):
        # All else would be a traceback in front of the user.
        with suppress(HeaderError):
            emitted.parse_header(candidate, "x.h")


def test_a_header_that_is_cut_off_is_refused() -> None:
    dialect = DIALECTS["3.14"]
    code = Stencil(b"\1" * 8, (), ())
    fragments = [
        fragment_of(StencilGroup(name, code, Stencil(b"", (), ()), (), ()), dialect) for name in ("shim", "_A")
    ]
    text = f"// digest\n// $ scons\n\n{header_of(fragments, dialect)}"
    for end in range(0, len(text) - 120, 40):
        with pytest.raises(HeaderError, match=r"^x\.h: "):
            emitted.parse_header(text[:end], "x.h")

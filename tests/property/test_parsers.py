"""Whatever a file or a tool's output holds, a parser gives a result or one clear error, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from property import objects
from property.pipeline import DIALECTS, Texts, group_of

from copypatch import cases, depfile, expansion, fragment, holes_file, readobj
from copypatch.cases import Case
from copypatch.errors import CasesError, CopypatchError, HolesFileError, MergeError, ObjectError
from copypatch.triples import PLATFORMS, Platform

FILE = Path("Python/executor_cases.c.h")
_relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
# Deeper than the decoder goes.
DEEP = "[" * 100_000


def attempt(parse: Callable[[], object], error: type[CopypatchError]) -> str:
    """Run a parser; return its message where it refuses."""
    try:
        parse()
    except error as refusal:
        return str(refusal)
    return ""


@st.composite
def damaged(draw: st.DrawFn, record: object) -> object:
    """A JSON value in which one part, anywhere, is another value or gone."""
    if isinstance(record, (dict, list)) and record and draw(st.integers(0, 7)):
        copy: Any = record.copy()
        key = draw(st.sampled_from(sorted(copy) if isinstance(copy, dict) else range(len(copy))))
        if draw(st.integers(0, 7)):
            copy[key] = draw(damaged(copy[key]))
        else:
            del copy[key]
        return copy
    return draw(_scalars | st.integers(1 << 30, 1 << 80) | _json)


@_relaxed
@given(st.text() | st.from_regex(r"( {8}case \w{1,3}: \{\n([^\n]*\n| {8}\}\n){0,3}){0,3}", fullmatch=True))
def test_cases_are_split_or_refused_by_file_and_line(text: str) -> None:
    found: list[Case] = []
    message = attempt(lambda: found.extend(cases.split(text, FILE)), CasesError)
    if message:
        assert message.startswith(f"{FILE}:")
        return
    lines = text.split("\n")
    for case in found:
        assert case.text.startswith(f"case {case.opname}: {{\n")
        # A case is whole lines of the file, from the line that it says.
        taken = lines[case.line - 1 : case.line + case.text.count("\n")]
        assert "\n".join(taken).startswith(" " * 8 + case.text)
    assert len({case.opname for case in found}) == len(found) > 0


@_relaxed
@given(st.text())
def test_depfile_of_any_text_is_a_list_of_paths(text: str) -> None:
    assert all(isinstance(path, Path) for path in depfile.parse(text))


@_relaxed
@given(st.lists(st.text("ab/. #$:é", min_size=1), min_size=1))
def test_depfile_gives_the_names_that_clang_escaped(names: list[str]) -> None:
    # How PrintFilename of clang's DependencyFile.cpp writes them. (It has no backslash to write: it takes one for
    # a slash.)
    escaped = (name.replace("$", "$$").replace(" ", "\\ ").replace("#", "\\#") for name in names)
    rule = "x: " + " \\\n  ".join(escaped) + "\n"
    assert depfile.parse(rule) == [Path(name) for name in names]


@_relaxed
@given(st.text(), st.sampled_from(PLATFORMS))
@example(f'[\n"File":"_A.o",{{"Sections":{DEEP}', PLATFORMS[0])
@example(f'{{"FileSummary":{{"File":"_A.o",}},"Sections":{DEEP}', PLATFORMS[2])
def test_any_text_from_readobj_is_refused_in_one_message(text: str, platform: Platform) -> None:
    assert "_A" in attempt(lambda: readobj.parse(text, "_A", platform), ObjectError)
    assert "llvm-readobj" in attempt(lambda: readobj.split(text, ["_another.o"]), ObjectError)


@settings(_relaxed, max_examples=150)
@given(st.data(), st.sampled_from([one for one in PLATFORMS if "apple" not in one.name]))
def test_a_damaged_object_is_refused_or_gives_a_group(data: st.DataObject, platform: Platform) -> None:
    whole = objects.readobj_text(data.draw(objects.objects(platform)), platform, "_A.o")
    head, _, rest = whole.partition('"Sections":')
    sections = data.draw(damaged(json.JSONDecoder().raw_decode(rest)[0]))
    texts = Texts("_A", f'{head}"Sections":{json.dumps(sections)}}}]')
    message = attempt(lambda: group_of(texts, objects.target_of(platform), DIALECTS["embedded"]), ObjectError)
    assert message.startswith("_A: ") or not message


@settings(_relaxed, max_examples=100)
@given(st.data(), st.sampled_from([one for one in PLATFORMS if "apple" in one.name]))
def test_a_damaged_macho_object_is_refused_or_gives_a_group(data: st.DataObject, platform: Platform) -> None:
    whole = objects.readobj_text(data.draw(objects.objects(platform)), platform, "_A.o")
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    texts = Texts("_A", whole[:start] + data.draw(st.text(max_size=4) | st.from_regex(r"\d{1,20}")) + whole[end:])
    attempt(lambda: group_of(texts, objects.target_of(platform), DIALECTS["embedded"]), ObjectError)


@_relaxed
@given(st.text() | _json.map(json.dumps), st.text(max_size=3))
@example(DEEP, "")
def test_any_holes_file_is_loaded_or_refused_by_name(text: str, name: str) -> None:
    assert attempt(lambda: holes_file.load(text, f"{name}.holes.json"), HolesFileError).startswith(name)


@settings(_relaxed, max_examples=100)
@given(st.data())
def test_a_damaged_holes_file_is_refused_or_gives_a_group(data: st.DataObject) -> None:
    platform = PLATFORMS[2]
    texts = Texts("_A", objects.readobj_text(data.draw(objects.objects(platform)), platform, "_A.o"))
    try:
        whole = holes_file.dump(group_of(texts, objects.target_of(platform), DIALECTS["embedded"]))
    except ObjectError:
        return
    text = json.dumps(data.draw(damaged(json.loads(whole))))
    message = attempt(lambda: holes_file.load(text, "_A.holes.json"), HolesFileError)
    assert "delete it" in message or not message


_HEAD = f"// copypatch fragment {fragment.FORMAT} "


@_relaxed
@given(st.text() | _json.map(lambda record: _HEAD + json.dumps(record)))
@example(_HEAD + DEEP)
@example(_HEAD + '{"uop": "_A", "code_size": "x", "data_size": 0, "trampolines": []}\n')
@example(_HEAD + '{"uop": "_A", "code_size": 1, "data_size": 0, "trampolines": "ab"}\n')
@example(_HEAD + '{"uop": 1, "code_size": 1, "data_size": 0, "trampolines": []}\n')
def test_any_fragment_is_refused_by_name_with_the_way_out(text: str) -> None:
    message = attempt(lambda: fragment.parse(text, "_A.h"), MergeError)
    assert message.startswith("_A.h: ")
    assert "delete it" in message


@_relaxed
@given(text=st.text() | _json.map(json.dumps))
def test_a_damaged_memory_of_the_expansion_is_forgotten(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "expansion.json"
    path.write_bytes(text.encode("utf-8", "replace"))
    assert expansion.load(path) is None

"""Keys: no two lists of fields feed the hash the same bytes."""

from __future__ import annotations

from itertools import combinations

from copypatch.keys import Key


def key(kind: str, *fields: tuple[str, str]) -> str:
    made = Key(kind)
    for name, value in fields:
        made.add(name, value)
    return made.hexdigest()


def test_keys_tell_fields_apart() -> None:
    different = [
        key("object"),
        key("fragment"),
        key("object", ("a", "")),
        key("object", ("a", "b")),
        key("object", ("ab", "")),
        key("object", ("a", "b\0001\0c")),
        key("object", ("a", "b"), ("1", "c")),
        key("object", ("a", "b"), ("", "c")),
        key("object", ("1", "c"), ("a", "b")),
        key("object", ("a", "\udce9")),
        key("object", ("a", "é")),
    ]
    assert all(one != other for one, other in combinations(different, 2))
    assert key("object", ("a", "b")) == different[3]


def test_a_key_remembers_its_fields_for_explanations() -> None:
    made = Key("object")
    made.add("uop", "_NOP")
    assert made.fields[-1] == ("uop", "_NOP")
    assert ("kind", "object") in made.fields

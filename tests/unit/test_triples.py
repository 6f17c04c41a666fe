"""Target triples."""

from __future__ import annotations

import platform
import sys

import pytest

from copypatch import triples
from copypatch.errors import OptionError


@pytest.mark.parametrize("one", triples.PLATFORMS, ids=lambda one: one.name)
def test_every_platform_is_found_by_its_example_alone(one: triples.Platform) -> None:
    target = triples.parse(one.example)
    assert target == triples.Target(one.example, one)


@pytest.mark.parametrize(
    ("triple", "name"),
    [
        ("aarch64-apple-darwin23.6.0", "aarch64-apple"),
        ("x86_64-pc-linux-gnu", "x86_64-linux"),
        ("aarch64-redhat-linux-gnu", "aarch64-linux"),
    ],
)
def test_triples_as_config_guess_says_them(triple: str, name: str) -> None:
    assert triples.parse(triple).platform.name == name


@pytest.mark.parametrize("triple", ["", "riscv64-unknown-linux-gnu", "x86_64-linux-musl", "i686-pc-linux-gnu"])
def test_an_unknown_triple_is_told_with_the_known_ones(triple: str) -> None:
    with pytest.raises(OptionError, match="unknown target triple") as raised:
        triples.parse(triple)
    assert f"target={triple}" in str(raised.value)
    assert all(one.example in str(raised.value) for one in triples.PLATFORMS)


def test_a_list_keeps_its_order() -> None:
    first, second = "x86_64-pc-windows-msvc", "aarch64-apple-darwin"
    assert [target.triple for target in triples.parse_list(f" {first}, {second},")] == [first, second]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" , ", "target=: names no triple; leave it out"),
        ("x86_64-pc-linux-gnu,x86_64-pc-linux-gnu", "x86_64-pc-linux-gnu is named twice"),
    ],
)
def test_a_bad_list_is_told(value: str, expected: str) -> None:
    with pytest.raises(OptionError, match=expected):
        triples.parse_list(value)


@pytest.mark.parametrize(
    ("system", "machine", "triple"),
    [
        ("linux", "x86_64", "x86_64-unknown-linux-gnu"),
        ("darwin", "arm64", "aarch64-apple-darwin"),
        ("win32", "AMD64", "x86_64-pc-windows-msvc"),
    ],
)
def test_the_host(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, triple: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert triples.host() == triple


def test_a_host_that_is_no_target_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(
        OptionError, match=r"\(riscv64-unknown-linux-gnu\) is no known target; name one with target="
    ):
        triples.host()

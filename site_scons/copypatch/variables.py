"""The variables of the command line: what there is, what each means, and what the user has said."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copypatch import triples
from copypatch.cache import default_folder, parse_size
from copypatch.engine import Engine
from copypatch.errors import OptionError
from copypatch.triples import Target


@dataclass(frozen=True, slots=True)
class Variable:
    """One ``name=value`` of the command line. *shown* is the value's form, *default* what is taken without it."""

    name: str
    shown: str
    help: str
    default: str = ""


VARIABLES = (
    Variable("cpython", "DIR", "a CPython source tree; without it the embedded templates are built"),
    Variable("pyconfig", "DIR", "where pyconfig.h is (default: the tree)"),
    Variable("target", "T1,T2", "target triples (default: this machine)"),
    Variable("debug", "0|1", "stencils for a debug build of Python", "0"),
    Variable("cflags", '"..."', "more compiler flags; they override the others"),
    Variable("llvm", "N|DIR", "LLVM's major version, or an installation (default: what the tree asks for)"),
    Variable("out", "DIR", "where the headers go (default: a folder under build/)"),
    Variable("cache", "DIR|off", "the shared cache (default: the user's cache folder)"),
    Variable("cache_limit", "SIZE", "what the cache may take, such as 500M", "2G"),
    Variable("explain", "0|1", "print why each uop was compiled", "0"),
    Variable("graph", "auto|full", "declare only what is stale, or everything", "auto"),
    Variable(
        "engine", "native|tree|auto", "stencils by our code, by the tree's, or by ours where it is proved", "auto"
    ),
    Variable("shards", "auto|off", "many sources per clang process, or one", "auto"),
    Variable("build", "DIR", "a configured CPython build folder, for `embed` and `unembed`"),
    Variable("base", "B", "what `diff` and `report` compare with: a snapshot, an output folder, a header, git:REV"),
    Variable("name", "N", "the name of a `snapshot`"),
    Variable("uop", "_X", "the uop that `show` and `diff` are about"),
    Variable("format", "text|json|markdown", "what `diff` writes", "text"),
    Variable("fail_if_grows", "BYTES", "`diff` fails if code and data grew by more"),
    Variable("trace", "FILE", "write the build's timeline for Perfetto or chrome://tracing"),
    Variable("sample", "N|all", "how many uops `scons verify` compiles alone and compares", "8"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user has said, checked. Paths are absolute. *out* is None where the tree's name decides,
    *cache* is None for cache=off; *cache_limit* is in bytes. *sample* is None for all uops.
    *base* is what was said, *base_path* the same as a path; *fail_if_grows* is in bytes, None for no limit.
    *generator_llvm* is the LLVM that the tree's generator was told to use, None for what the tree asks for.
    """

    cpython: Path | None
    pyconfig: Path | None
    targets: tuple[Target, ...]
    debug: bool
    cflags: tuple[str, ...]
    cflags_text: str
    llvm_major: int | None
    llvm_prefix: Path | None
    out: Path | None
    cache: Path | None
    cache_limit: int
    explain: bool
    full_graph: bool
    shards: bool
    engine: Engine
    sample: int | None
    base: str
    base_path: Path | None
    name: str
    uop: str
    format: str
    fail_if_grows: int | None
    trace: Path | None
    generator_llvm: int | None = None


def parse(values: Mapping[str, str], folder: Path) -> Options:
    """Check the variables; relative paths are relative to *folder*.

    Raises OptionError for an unknown name or a value that cannot be.
    """
    known = {variable.name: variable for variable in VARIABLES}
    for name in values:
        if name not in known:
            raise OptionError(
                f"{name}=: there is no such variable; there are {', '.join(known)} (scons -h explains)"
            )
    if "build" in values:
        raise OptionError("build=: only `scons embed` and `scons unembed` take a build folder")
    said = {variable.name: values.get(variable.name, variable.default) for variable in VARIABLES}
    major, prefix = _llvm(said["llvm"], folder)
    if said["pyconfig"] and not said["cpython"]:
        raise OptionError("pyconfig=: only a CPython tree has a pyconfig.h; say which with cpython=DIR")
    return Options(
        cpython=_folder(said["cpython"], folder),
        pyconfig=_folder(said["pyconfig"], folder),
        targets=triples.parse_list(values["target"] if "target" in values else triples.host()),
        debug=_truth("debug", said["debug"]),
        cflags=_words("cflags", said["cflags"]),
        cflags_text=said["cflags"],
        llvm_major=major,
        llvm_prefix=prefix,
        out=_folder(said["out"], folder),
        cache=None if said["cache"] == "off" else _folder(said["cache"], folder) or default_folder(),
        cache_limit=parse_size(said["cache_limit"]),
        explain=_truth("explain", said["explain"]),
        full_graph=_choice("graph", said["graph"], ("auto", "full")) == "full",
        sample=_sample(said["sample"]),
        engine=Engine(_choice("engine", said["engine"], list(Engine))),
        shards=_choice("shards", said["shards"], ("auto", "off")) == "auto",
        base=said["base"],
        base_path=_folder(said["base"], folder),
        name=said["name"],
        uop=said["uop"],
        format=_choice("format", said["format"], ("text", "json", "markdown")),
        fail_if_grows=_bytes("fail_if_grows", said["fail_if_grows"]),
        trace=_folder(said["trace"], folder),
    )


def _folder(value: str, base: Path) -> Path | None:
    return (base / Path(value).expanduser()).resolve() if value else None


def _truth(name: str, value: str) -> bool:
    truths = {"0": False, "1": True, "no": False, "yes": True, "false": False, "true": True}
    try:
        return truths[value.lower()]
    except KeyError:
        raise OptionError(f"{name}={value}: say {name}=0 or {name}=1") from None


def _choice(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise OptionError(f"{name}={value}: say {' or '.join(f'{name}={choice}' for choice in choices)}")
    return value


def _sample(value: str) -> int | None:
    if value == "all":
        return None
    if not value.isdigit():
        raise OptionError(f"sample={value}: say a number of uops, or sample=all")
    return int(value)


def _bytes(name: str, value: str) -> int | None:
    if not value:
        return None
    if not value.isdigit():
        raise OptionError(f"{name}={value}: say a number of bytes, such as {name}=64")
    return int(value)


def _words(name: str, value: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise OptionError(f"{name}={value}: {error}; quote it as for a shell") from None


def _llvm(value: str, base: Path) -> tuple[int | None, Path | None]:
    if not value:
        return None, None
    if value.isdigit():
        return int(value), None
    prefix = _folder(value, base)
    if prefix is None or not prefix.is_dir():
        raise OptionError(
            f"llvm={value}: neither a version number nor a folder; the folder is the one that holds bin/"
        )
    return None, prefix

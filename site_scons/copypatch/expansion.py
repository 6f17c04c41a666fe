"""Expansion: what clang's preprocessor makes of the prefix and of every uop.

The expanded text decides what is stale. A comment, an unused macro or a touched header changes nothing in it;
whatever the compiler can see is in it. One preprocessor run expands all uops at once.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from copypatch import depfile, records
from copypatch.explain import describe_changes
from copypatch.files import digest, digest_file, file_state, fingerprint, read_text, remove, write_if_changed
from copypatch.marks import COMMON, MARK, PREFIX, marked
from copypatch.process import Runner

# The value of the opcode macro while the shared prefix is read. Where it turns up in the expanded prefix, a
# header looks at the uop's name, and the prefix cannot be shared.
SHARED_OPCODE = "_copypatch_shared_prefix"

_PARTS = re.compile(rf"^{re.escape(MARK)}(\w+)$\n?", re.MULTILINE)
# Builtins through which a program sees positions that are not in the expanded text.
_POSITIONS = ("__builtin_LINE", "__builtin_COLUMN", "__builtin_FILE", "__builtin_source_location")
# Directives in a case that would change how the cases after it expand.
_LEAKS = re.compile(r"^[ \t]*#[ \t]*(?:define|undef|include|import|pragma)\b|\b__COUNTER__\b", re.MULTILINE)
# Variables by which the environment adds folders to clang's search path.
_ENVIRONMENT = ("CPATH", "C_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "CCC_OVERRIDE_OPTIONS", "SDKROOT")


@dataclass(frozen=True, slots=True)
class Unit:
    """A text to expand behind the shared prefix. *leaks*: it may change how a text after it expands."""

    name: str
    text: str
    leaks: bool = False


def leaks(text: str) -> bool:
    """Tell whether a case has directives whose effect does not end with it."""
    return _LEAKS.search(text) is not None


@dataclass(frozen=True, slots=True)
class Parts:
    """What is to be expanded.

    *prefix* is the include block's text, *common* the template around an empty case: a definition behind an
    include guard shows up only there, so it counts for every uop. *alone* are files with includes of their own,
    by unit.
    """

    prefix: str
    common: str
    units: Sequence[Unit]
    alone: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Digests of what goes in, the headers not counted, see :func:`inputs_digest`.

    *all* is of everything, *template* of the command and the template, *units* of each uop's own text, *alone*
    of the command and the files of their own.
    """

    all: str = ""
    template: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    alone: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Digests of expanded texts, by unit.

    *inputs* and *places* are fingerprints of what went in: the command and texts, the folders that were
    searched; *headers* gives the state of every file that was read, *alone_headers* are those that files of
    their own read. *changes* says of parts what changed in them since the expansion before. *shares_prefix* is
    False where a header looks at the uop's name. A unit that could not be expanded has no digest.
    """

    inputs: Inputs
    places: str
    headers: Mapping[str, str]
    digests: Mapping[str, str]
    shares_prefix: bool
    changes: Mapping[str, str] = field(default_factory=dict)
    searched: tuple[str, ...] = ()
    alone_headers: tuple[str, ...] = ()

    def is_current(self, inputs: str) -> bool:
        """Tell whether nothing that went in has changed since."""
        return self.inputs.all == inputs and self._surroundings_unchanged()

    def units_of(self, template: str) -> Mapping[str, str]:
        """Return the digests of those units' own texts whose expansion holds as long as the own text does."""
        if self.inputs.template != template or not self._surroundings_unchanged():
            return {}
        return {name: own for name, own in self.inputs.units.items() if name in self.digests}

    def has_alone(self, inputs: str) -> bool:
        """Tell whether nothing that went into the files of their own has changed since."""
        return self.inputs.alone == inputs and self._surroundings_unchanged()

    def _surroundings_unchanged(self) -> bool:
        return self.headers_unchanged() and self.places_unchanged()

    def searched_places(self) -> list[Path]:
        """Return the folders in which a new file could take a header's place, there or not."""
        return _places(map(Path, self.headers), map(Path, self.searched))

    def places_unchanged(self) -> bool:
        """Tell whether the folders that were searched are still as they were."""
        return self.places == fingerprint(self.searched_places())

    def headers_unchanged(self) -> bool:
        """Tell whether the headers are still as they were read."""
        return all(state == file_state(header) for header, state in self.headers.items())

    @property
    def written(self) -> str:
        """A digest of the headers' states."""
        return digest(json.dumps(dict(self.headers)))


def inputs_digest(command: Sequence[str], texts: Iterable[str]) -> str:
    """Return the part of an expansion's state that is no header: the command, its environment, the texts."""
    environment = {name: os.environ.get(name) for name in _ENVIRONMENT}
    return digest(json.dumps([list(command), environment, [digest(text) for text in texts]]))


def _places(headers: Iterable[Path], folders: Iterable[Path]) -> list[Path]:
    # A new file in a folder can take the place of a header from a later one, so folders count too; for a header
    # that is named with a folder ("sub/x.h"), that folder in each of them, whether it is there or not.
    searched, found = set(folders), {header.parent for header in headers}
    below = {parent.relative_to(folder) for parent in found for folder in searched if parent.is_relative_to(folder)}
    return sorted({*searched, *found, *(folder / part for folder in searched for part in below)})


_SEARCHED = re.compile(r'^ignoring nonexistent directory "(.*)"$|^ (/.*)$', re.MULTILINE)


def _search_path(verbose: str) -> set[Path]:
    """Return the folders in which clang -v says it looks for headers, those that are missing included."""
    return {
        Path(match[1] or match[2].removesuffix(" (framework directory)")) for match in _SEARCHED.finditer(verbose)
    }


# The kernel's clock for files ticks every few milliseconds.
_TICK_NS = 20_000_000


def _settled(files: Iterable[Path], begin: int) -> bool:
    """Tell whether files were last changed before *begin* (ns since the epoch), by the clock nobody can set."""
    for path in files:
        try:
            if os.stat(path).st_ctime_ns > begin - _TICK_NS:
                return False
        except OSError:
            return False
    return True


def expand(
    runner: Runner,
    command: Sequence[str],
    folder: Path,
    parts: Parts,
    inputs: Inputs,
    *,
    folders: Sequence[Path],
    before: Expansion | None = None,
) -> Expansion:
    """Expand the parts and return the digests of all.

    *command* is clang with the flags of the uops. *folder* takes the files made on the way. *folders* are those in
    which clang looks for headers, *before* is the last expansion: units of *inputs* that are not among the *parts*
    are taken from it, and files of their own where nothing has changed for them.
    """
    begin = time.time_ns()
    shared = [Unit(COMMON, parts.common), *(unit for unit in parts.units if not unit.leaks)]
    sources = [_write(folder, "all", parts.prefix, shared)]
    sources += [
        _write(folder, f"alone.{unit.name}", parts.prefix, [shared[0], unit]) for unit in parts.units if unit.leaks
    ]
    jobs: list[tuple[Path, str | None]] = [(source, None) for source in sources]
    # The common edit is one of a case. It changes no other file, and the entry is half of the preprocessor's work.
    keeps_alone = before is not None and before.has_alone(inputs.alone)
    if not keeps_alone:
        jobs += [(path, name) for name, path in parts.alone.items()]
    new = {unit.name for unit in parts.units}
    kept = [*(name for name in inputs.units if name not in new), *(parts.alone if keeps_alone else ())]

    searched = set(folders)

    def run(job: tuple[Path, str | None]) -> tuple[dict[str, str], list[Path]]:
        source, name = job
        rule = folder / f"{source.name}.d"
        rule.unlink(missing_ok=True)
        arguments = [*command, "-v", "-E", "-P", "-MD", "-MT", "x", "-MF", str(rule), str(source)]
        result = runner.run(arguments, cwd=folder)
        searched.update(_search_path(result.stderr))
        headers = depfile.parse(read_text(rule)) if rule.is_file() else []
        if result.status:
            # The compiler will say what is wrong, uop by uop.
            return {}, headers
        text = result.stdout.decode("utf-8", "surrogateescape")
        if name is not None:
            return {name: text}, headers
        return split_parts(text), headers

    results = runner.map(run, jobs)
    alone = [found for (_, found), (_, name) in zip(results, jobs, strict=True) if name]
    alone_headers = {header for found in alone for header in found}
    headers = {header for _, found in results for header in found if header not in sources}
    if kept and before is not None:
        # What was read for those that are taken from before still counts.
        headers.update(map(Path, before.headers))
        searched.update(map(Path, before.searched))
        alone_headers.update(map(Path, before.alone_headers) if keeps_alone else ())
    texts: dict[str, str] = {}
    for found, _ in reversed(results):
        texts |= found
    digests = {name: before.digests[name] for name in kept if before is not None and name in before.digests}
    digests |= _digests(texts, parts, headers)
    states = {str(header): file_state(str(header)) for header in sorted(headers)}
    places = _places(headers, searched)
    # A header that was written while clang read it is of unknown content, and one that came meanwhile may not
    # have been found: look again next time.
    settled = _settled([*headers, *(place for place in places if place.exists())], begin)
    return Expansion(
        inputs=inputs if settled else Inputs(),
        places=fingerprint(places),
        headers=states,
        digests=digests,
        shares_prefix=SHARED_OPCODE not in texts.get(PREFIX, ""),
        searched=tuple(sorted(map(str, searched))),
        changes=_changes(folder, texts, kept, states, before),
        alone_headers=tuple(sorted(map(str, alone_headers))),
    )


def _digests(texts: Mapping[str, str], parts: Parts, headers: Iterable[Path]) -> dict[str, str]:
    own = {unit.name: unit.text for unit in parts.units}
    digests = {}
    for name, text in texts.items():
        positions = ""
        if sees_positions(text):
            # Where something stands is in the texts as they were written.
            raw = "".join(digest_file(header) for header in sorted(headers) if header.is_file())
            positions = digest(raw + own.get(name, parts.prefix + parts.common))
        digests[name] = digest(text + positions)
    return digests


def split_parts(text: str) -> dict[str, str]:
    """Return the parts of an expanded text by name: the include block, and what stood behind marks."""
    pieces = _PARTS.split(text)
    return {PREFIX: pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def sees_positions(text: str) -> bool:
    """Tell whether an expanded text uses builtins that see more than it shows."""
    return any(builtin in text for builtin in _POSITIONS)


def _changes(
    folder: Path,
    texts: Mapping[str, str],
    kept: Collection[str],
    states: Mapping[str, str],
    before: Expansion | None,
) -> dict[str, str]:
    """Remember the expanded texts, and say what changed in them since they were remembered last.

    Where most are *kept*, those that are new are remembered beside the others: there may be megabytes of them, and
    no header has changed, so there is nothing to say.
    """
    memory, later = folder / "texts.json", folder / "texts-since.json"
    if len(kept) > len(texts):
        new = {name: text for name, text in texts.items() if name not in (PREFIX, COMMON)}
        records.save(later, {**_texts(later), **new})
        return {}
    old = {**_texts(memory), **_texts(later)}
    records.save(memory, {**{name: old[name] for name in kept if name in old}, **texts})
    remove([later])
    if before is None:
        return {}
    changed = [Path(header) for header, state in states.items() if before.headers.get(header) != state]
    return describe_changes(old, texts, changed)


def _texts(memory: Path) -> dict[str, str]:
    try:
        return dict(records.load(memory))
    except (OSError, ValueError, TypeError):
        return {}


def _write(folder: Path, name: str, prefix: str, units: Iterable[Unit]) -> Path:
    path = folder / f"{name}.c"
    parts = "".join(marked(unit.name, unit.text) for unit in units)
    write_if_changed(path, f"{prefix}{parts}")
    return path


def load(path: Path) -> Expansion | None:
    """Return the expansion that :func:`save` wrote, or None where there is none or it is damaged."""
    try:
        record = records.load(path)
        return Expansion(
            Inputs(**record["inputs"]),
            record["places"],
            record["headers"],
            record["digests"],
            record["shares_prefix"],
            record["changes"],
            tuple(record["searched"]),
            tuple(record["alone_headers"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def save(path: Path, expansion: Expansion) -> None:
    """Write an expansion for the next build. Raises OutputError."""
    inputs = expansion.inputs
    record = {
        "inputs": {
            "all": inputs.all,
            "template": inputs.template,
            "units": dict(inputs.units),
            "alone": inputs.alone,
        },
        "places": expansion.places,
        "headers": dict(expansion.headers),
        "digests": dict(expansion.digests),
        "shares_prefix": expansion.shares_prefix,
        "changes": dict(expansion.changes),
        "searched": list(expansion.searched),
        "alone_headers": list(expansion.alone_headers),
    }
    records.save(path, record)

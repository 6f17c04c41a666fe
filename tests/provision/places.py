"""What the tests can ask for, and how each place is found or brought."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bootstrap
from provision import browser, cross, debian, llvm
from provision.steps import Failed, Unavailable, locked

_PACKAGED = {**cross.PLACES, **browser.PLACES}

# Each place: its variable, and a file in it by which it is known.
PLACES: Mapping[str, str] = {
    "COPYPATCH_LLVM_18": "bin/clang",
    "COPYPATCH_LLVM_19": "bin/clang",
    "COPYPATCH_TREE_3_13": "Tools/jit/build.py",
    "COPYPATCH_PYCONFIG_3_13": "pyconfig.h",
    "COPYPATCH_PYCONFIG_3_13_DEBUG": "pyconfig.h",
    "COPYPATCH_TREE_3_14": "Tools/jit/build.py",
    "COPYPATCH_PYCONFIG_3_14": "pyconfig.h",
    "COPYPATCH_PYCONFIG_3_14_DEBUG": "pyconfig.h",
    "COPYPATCH_TREE_3_15": "Tools/jit/build.py",
    "COPYPATCH_TOOLS_JIT_3_14": "Tools/jit/build.py",
    "COPYPATCH_TOOLS_JIT_3_15": "Tools/jit/build.py",
    **{name: known_by for name, (known_by, _, _) in _PACKAGED.items()},
}

# Why places are missing, as JSON by variable: bootstrap.py passes it on from where they were to be brought.
MISSING = "COPYPATCH_MISSING"

_NOT_BROUGHT = "not brought yet: python3 bootstrap.py test does (on Debian)"
_BY_HAND = "no registry has a whole tree of that release: set the variable to one"
_OTHER_TREE = "COPYPATCH_TREE_3_13 is set, so this belongs to that tree: set the variable too"


@dataclass(frozen=True)
class Provided:
    """The places that there are; why the others are missing; and which of those should have been there."""

    places: Mapping[str, Path]
    missing: Mapping[str, str]
    failures: frozenset[str]

    def environ(self) -> dict[str, str]:
        """The environment variables for the tests. Of a reason they get the first line, fit for a skip."""
        reasons = {name: reason.splitlines()[0].rstrip(":") for name, reason in self.missing.items()}
        return {name: str(place) for name, place in self.places.items()} | {MISSING: json.dumps(reasons)}


def provision_folder(environ: Mapping[str, str]) -> Path:
    chosen = environ.get("COPYPATCH_PROVISION")
    return Path(chosen).absolute() if chosen else bootstrap.ROOT / "build" / "provision"


def known(environ: Mapping[str, str] = os.environ) -> Provided:
    """What is there already; fetches nothing. Raises Failed if a variable names a wrong folder."""
    root = provision_folder(environ)
    places = _set_by_user(environ)
    finders: dict[str, Callable[[], Path | None]] = {
        "COPYPATCH_LLVM_18": lambda: llvm.present(root, "18"),
        "COPYPATCH_LLVM_19": lambda: llvm.present(root, "19"),
        "COPYPATCH_TOOLS_JIT_3_14": lambda: debian.pieces_present(root, "3.14"),
        "COPYPATCH_TOOLS_JIT_3_15": lambda: debian.pieces_present(root, "3.15"),
        **{name: partial(find, root) for name, (_, find, _) in _PACKAGED.items()},
    }
    if "COPYPATCH_TREE_3_13" not in places:
        finders |= {
            "COPYPATCH_TREE_3_13": lambda: debian.source_tree_present(root),
            "COPYPATCH_PYCONFIG_3_13": lambda: debian.pyconfig_present(root, "release"),
            "COPYPATCH_PYCONFIG_3_13_DEBUG": lambda: debian.pyconfig_present(root, "debug"),
        }
    for name, find in finders.items():
        if name not in places and (place := find()):
            places[name] = place
    reasons = dict.fromkeys(PLACES, _NOT_BROUGHT)
    reasons |= {name: _OTHER_TREE if "3_13" in name else _BY_HAND for name in PLACES if name not in finders}
    reasons |= json.loads(environ.get(MISSING) or "{}")
    missing = {name: reason for name, reason in reasons.items() if name not in places}
    return Provided(dict(sorted(places.items())), missing, frozenset())


def provide(environ: Mapping[str, str] = os.environ) -> Provided:
    """Brings what is missing. Never raises for that: what can't be had is in the answer, with the reason."""
    root = provision_folder(environ)
    provided = known(environ)
    if not set(provided.missing.values()) & {_NOT_BROUGHT}:
        return provided
    with locked(root):
        provided = known(environ)
        places, missing, failures = dict(provided.places), dict(provided.missing), set()

        def attempt(names: list[str], bring: Callable[[], list[Path]], *, required: bool) -> None:
            if not any(missing.get(name) == _NOT_BROUGHT for name in names):
                return
            try:
                places.update(zip(names, bring(), strict=True))
            except (Unavailable, Failed) as error:
                missing.update(dict.fromkeys(names, str(error)))
                if required and isinstance(error, Failed):
                    failures.update(names)
            else:
                for name in names:
                    missing.pop(name, None)

        def tree_3_13() -> list[Path]:
            tree = debian.source_tree(root)
            configured = debian.pyconfigs(root, tree)
            return [tree, configured["release"], configured["debug"]]

        def alone(bring: Callable[..., Path], *which: str) -> Callable[[], list[Path]]:
            return lambda: [bring(root, *which)]

        for major in ("18", "19"):
            attempt([f"COPYPATCH_LLVM_{major}"], alone(llvm.bring, major), required=True)
        names = ["COPYPATCH_TREE_3_13", "COPYPATCH_PYCONFIG_3_13", "COPYPATCH_PYCONFIG_3_13_DEBUG"]
        attempt(names, tree_3_13, required=True)
        # From Debian's ever-moving suite, where a package may be gone tomorrow: that fails nobody's run.
        for minor in ("3.14", "3.15"):
            name = f"COPYPATCH_TOOLS_JIT_{minor.replace('.', '_')}"
            attempt([name], alone(debian.pieces, minor), required=False)
        for name, (_, _, bring) in _PACKAGED.items():
            attempt([name], alone(bring), required=True)
    return Provided(dict(sorted(places.items())), missing, frozenset(failures))


def _set_by_user(environ: Mapping[str, str]) -> dict[str, Path]:
    places = {name: Path(environ[name]).absolute() for name in PLACES if environ.get(name)}
    for name, place in places.items():
        if not (place / PLACES[name]).exists():
            raise Failed(f"{name} is {place}, which holds no {PLACES[name]}")
    return places

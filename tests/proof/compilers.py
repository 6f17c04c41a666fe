"""Compilers that take notes of what they compile, and that can be made to misbehave."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.clang import TOOLS

# The folder in which the compiler takes its notes, a file a process: each build can have its own.
NOTES = "COPYPATCH_PROOF_NOTES"

# Shards run the program that `clang -###` names, so that has to be the wrapper too.
_CLANG = r"""#!/bin/sh
# {name}
[ -z "${notes}" ] || {{ printf '%s\037' "$@"; printf '\036'; }} >>"${notes}/$$"
{script}
case " $* " in
*" -### "*) {real} "$@" 2>&1 | sed "s|^ \"[^\"]*\" \"-cc1\"| \"$0\" \"-cc1\"|" >&2 ;;
*) exec {real} "$@" ;;
esac
"""


def write_clang(prefix: Path, real: Path, name: str = "plain", script: str = "") -> Path:
    """Write the clang of a prefix. *script* runs before the real one does; *name* makes it another compiler."""
    path = prefix / "bin" / "clang"
    path.parent.mkdir(parents=True, exist_ok=True)
    program = shlex.quote(str(real / "bin" / "clang"))
    temporary = path.with_suffix(".new")
    temporary.write_text(_CLANG.format(name=name, notes=NOTES, script=script, real=program), encoding="utf-8")
    temporary.chmod(0o755)
    temporary.replace(path)
    return path


def make_prefix(folder: Path, real: Path, name: str = "plain", script: str = "") -> Path:
    """Make an installation around a real one, to be given as ``llvm=``."""
    write_clang(folder, real, name, script)
    for tool in TOOLS[1:]:
        path = folder / "bin" / tool
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(str(real / "bin" / tool))} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    return folder


@dataclass(frozen=True)
class Notes:
    """The notes of a build."""

    folder: Path

    def runs(self) -> Iterator[list[str]]:
        """The arguments of every run of clang."""
        for note in sorted(self.folder.iterdir()):
            for record in note.read_text(encoding="utf-8").split("\x1e")[:-1]:
                yield record.split("\x1f")[:-1]

    def compiled(self) -> Counter[str]:
        """How often each group's C text was compiled, alone or in a shard; trials of shards don't count."""
        found: Counter[str] = Counter()
        for words in self.runs():
            output = words[words.index("-o") + 1] if "-o" in words else ""
            if not {"-E", "-###", "--version", "c-header"} & set(words) and "/check/" not in output:
                found.update(match[1] for word in words if (match := re.fullmatch(r"(?:.*/)?(\w+)\.c", word)))
        return found

    def forget(self) -> None:
        """Begin anew."""
        for note in self.folder.iterdir():
            note.unlink()

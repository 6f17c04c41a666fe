"""An LLVM prefix whose clang takes notes, and one whose tools are what a test wants."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("clang", "llvm-readobj", "llvm-objdump")
# Not in every LLVM, and not needed by most dialects.
_MORE_TOOLS = ("llvm-dwarfdump",)
_END = "\x1e"


@dataclass(frozen=True)
class CountedLLVM:
    """A prefix to be given as ``llvm=``: its tools are those of a real one, and every run of them is noted."""

    prefix: Path

    @classmethod
    def make(cls, folder: Path, real: Path) -> CountedLLVM:
        """Make the prefix in *folder*, around the installation *real*."""
        notes = folder / "notes"
        notes.mkdir(parents=True)
        for tool in (*TOOLS, *(tool for tool in _MORE_TOOLS if (real / "bin" / tool).exists())):
            # A file a process, as the lines of processes that run side by side could mingle.
            note = f'for word in {tool} "$@"; do printf "%s\\037" "$word"; done >>{shlex.quote(str(notes))}/$$'
            end = f"printf '\\036' >>{shlex.quote(str(notes))}/$$"
            program(folder, tool, f'{note}\n{end}\nexec {shlex.quote(str(real / "bin" / tool))} "$@"\n')
        return cls(folder)

    def runs(self, tool: str = "clang") -> list[list[str]]:
        """The arguments of every run so far, but for those that ask for the version."""
        found = []
        for note in sorted((self.prefix / "notes").iterdir()):
            for record in note.read_text(encoding="utf-8").split(_END)[:-1]:
                name, *arguments = record.split("\x1f")[:-1]
                if name == tool and "--version" not in arguments:
                    found.append(arguments)
        return found

    def compiled(self) -> set[str]:
        """The uops whose own source clang was run on, whether alone or with others."""
        names: set[str] = set()
        for arguments in self.runs():
            if "-E" in arguments or "-###" in arguments:
                continue
            words = list(arguments)
            for argument in arguments:
                if argument.startswith("@"):
                    words += Path(argument[1:]).read_text(encoding="utf-8").split()
            names.update(match[1] for word in words if (match := re.fullmatch(r'"?(?:.*/)?(\w+)\.c"?', word)))
        return names

    def forget(self) -> None:
        """Begin anew."""
        for note in (self.prefix / "notes").iterdir():
            note.unlink()


def program(prefix: Path, name: str, script: str) -> Path:
    """Put a shell script into a prefix as a program."""
    path = prefix / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def replaced(folder: Path, real: Path, **scripts: str) -> Path:
    """Make a prefix with the tools of *real*, some replaced by scripts ("llvm_readobj" for llvm-readobj)."""
    for tool in TOOLS:
        script = scripts.get(tool.replace("-", "_"))
        exec_real = f'exec {shlex.quote(str(real / "bin" / tool))} "$@"\n'
        program(folder, tool, script.replace("REAL", exec_real) if script is not None else exec_real)
    return folder

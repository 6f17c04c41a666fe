"""A preprocessor for tests: enough of `clang -E -P -MD` to see what is expanded, and when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from copypatch.process import Result, Runner

_INCLUDE = re.compile(r'^#include "([^"]+)"\n?', re.MULTILINE)
_COMMENT = re.compile(r" *//[^\n]*")
_DEFINE = re.compile(r"^#define (\w+) (\w+)\n", re.MULTILINE)
_OTHER = re.compile(r"^#(?:undef|line|include)[^\n]*\n|^\n", re.MULTILINE)


class ToyClang(Runner):
    """Answers commands instead of starting programs, and notes them.

    It pulls in `#include "..."` from the folders given with -I, takes out comments and blank lines, and replaces
    the object-like macros defined so far; #error fails.
    """

    def __init__(self) -> None:
        super().__init__(jobs=1)
        self.commands: list[list[str]] = []

    def run(self, command: Sequence[str], *, cwd: Path | None = None) -> Result:
        self.commands.append(list(command))
        folders = [Path(word[2:]) for word in command if word.startswith("-I")]
        macros = dict(word[2:].split("=", 1) for word in command if word.startswith("-D") and "=" in word)
        headers = [Path(command[-1])]

        def pull_in(match: re.Match[str]) -> str:
            for folder in folders:
                if (folder / match[1]).is_file():
                    headers.append(folder / match[1])
                    return _INCLUDE.sub(pull_in, (folder / match[1]).read_text())
            return f"#error no {match[1]}\n"

        text = _COMMENT.sub("", _INCLUDE.sub(pull_in, Path(command[-1]).read_text()))
        rule = Path(command[command.index("-MF") + 1])
        rule.write_text(f"x: {' '.join(map(str, headers))}\n")
        if "#error" in text:
            return Result(1, b"", f"{command[-1]}:1:1: error\n")
        out = []
        for line in text.splitlines(keepends=True):
            if define := _DEFINE.match(line):
                macros[define[1]] = define[2]
            else:
                expanded = line
                for name, value in macros.items():
                    expanded = re.sub(rf"\b{name}\b", value, expanded)
                out.append(expanded)
        return Result(0, _OTHER.sub("", "".join(out)).encode(), "")

"""What a generator says to the compiler, compared with what copypatch has said to it already."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from copypatch.tree_worker import OtherFlags

# What a driver is asked to do, not how. Where these stand among the other words makes no difference.
_MODES = frozenset({"-S", "-c", "-emit-llvm", "-o"})


def output_of(arguments: Sequence[str]) -> Path:
    """Return the file that a run of the compiler writes."""
    return Path(arguments[arguments.index("-o") + 1])


class Commands:
    """The runs of the compiler that copypatch has made: *scratch* is where the generator thinks they write."""

    def __init__(self, settings: dict[str, Any], scratch: Path) -> None:
        self._known: dict[str, list[str]] = settings["arguments"]
        self._edits: dict[str, tuple[str, str]] = settings["edits"]
        self._cflags: str = settings["cflags"]
        self._pyconfig: str = settings["pyconfig"]
        self._scratch = scratch

    def words(self, arguments: Sequence[str]) -> list[str]:
        """Return what is said about every uop: no names of files and uops, nor what is to be done with them."""
        # 3.13's generator works in the folder of pyconfig.h.
        return [f"-I{self._pyconfig}" if word == "-I." else word for word in arguments if not self._is_place(word)]

    def sample(self, suffix: str) -> str:
        """Return a text that the generator may find in a file of a kind."""
        return self._edits.get(suffix, ("", ""))[0]

    def stand_in(self, arguments: Sequence[str]) -> Path:
        """Stand for a run of the compiler, which has been already; return where its output is looked for.

        Makes sure that the tree asks for what copypatch has done, and does to what the compiler reads what
        copypatch does. Raises OtherFlags.
        """
        output = output_of(arguments)
        expected = [word for word in self._known.get(output.suffix, []) if not self._is_place(word)]
        asked = self.words(arguments)
        # 3.13's generator takes no flags of the user's.
        if asked not in (expected, [*expected, *shlex.split(self._cflags)]):
            lacking = [word for word in asked if word not in expected]
            more = [word for word in expected if word not in asked]
            raise OtherFlags(
                f"Tools/jit/_targets.py has other flags for {output.suffix} files of some uop or step than for the "
                f"rest (it has {' '.join(lacking) or 'no more'}, and lacks {' '.join(more) or 'none'}, or their "
                "order differs); only flags that all uops share are followed"
            )
        for path in (Path(word) for word in arguments if word.startswith(f"{self._scratch}/")):
            if (
                path != output
                and path.suffix in self._edits
                and path.read_text(encoding="utf-8") != self._edits[path.suffix][1]
            ):
                raise OtherFlags(f"Tools/jit/_targets.py makes other changes to {path.suffix} files than copypatch")
        if output.suffix in self._edits:
            output.write_text(self._edits[output.suffix][0], encoding="utf-8")
        return output

    def _is_place(self, word: str) -> bool:
        of_a_uop = word.startswith(("-D_JIT_OPCODE=", f"-ffile-prefix-map={self._scratch}=", f"{self._scratch}/"))
        return of_a_uop or word in _MODES or (word.startswith("/") and word.endswith(".c"))

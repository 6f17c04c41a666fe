"""An LLVM prefix whose tools are those of another one, and which notes what each of its processes cost."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("clang", "llvm-readobj", "llvm-objdump")

# Python, isolated and without site: some milliseconds of wall time in front of each process, and no CPU time in
# what is noted, since that is the child's alone. What `clang -###` prints names clang itself, by whose path the
# shards are then run, so the name is put back to ours.
_SCRIPT = """\
#!{python} -IS
import json, os, sys, time
tool = {tool!r}
start = time.perf_counter()
printed = None
actions = []
if "-###" in sys.argv:
    printed = os.memfd_create("printed")
    actions = [(os.POSIX_SPAWN_DUP2, printed, 2)]
pid = os.posix_spawn(tool, [tool, *sys.argv[1:]], os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
if printed is not None:
    os.lseek(printed, 0, 0)
    for line in open(printed, encoding="utf-8"):
        head, found, rest = line.partition('" "-cc1" ')
        sys.stderr.write(' "' + os.path.abspath(sys.argv[0]) + found + rest if found else line)
words = []
for word in sys.argv[1:]:
    words += [open(word[1:]).read()] if word.startswith("@") else [word]
record = dict(tool={name!r}, words=words, folder=os.getcwd(), wall=time.perf_counter() - start,
    cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * 1024)
with open(os.path.join({notes!r}, str(os.getpid()) + ".json"), "w") as file:
    json.dump(record, file)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a tool: its arguments (response files read), its folder, seconds, bytes."""

    tool: str
    words: tuple[str, ...]
    folder: Path
    wall: float
    cpu: float
    peak: int

    @property
    def kind(self) -> str:
        """What it was for, as far as its arguments tell."""
        if self.tool != "clang":
            return self.tool
        if "--version" in self.words:
            return "clang: its version"
        if "-E" in self.words:
            return "clang: expanding"
        if "c-header" in self.words:
            return "clang: precompiling"
        if "-###" in self.words:
            return "clang: deriving the shard line"
        return "clang: a shard" if "-cc1" in self.words else "clang: one uop alone"

    @property
    def compiles(self) -> bool:
        """Whether it belongs to the compile step."""
        return self.kind.endswith(("shard line", "a shard", "alone"))


@dataclass(frozen=True, slots=True)
class WatchedLLVM:
    """The prefix; give it as ``llvm=``."""

    prefix: Path

    @classmethod
    def make(cls, prefix: Path, real: Path) -> WatchedLLVM:
        """Make the prefix around the installation *real*."""
        notes = prefix / "notes"
        notes.mkdir(parents=True)
        (prefix / "bin").mkdir()
        for name in TOOLS:
            script = prefix / "bin" / name
            tool = str(real.resolve() / "bin" / name)
            text = _SCRIPT.format(python=sys.executable, tool=tool, name=name, notes=str(notes))
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)
        return cls(prefix)

    def processes(self) -> list[Process]:
        """Return what has run since the last call."""
        found = []
        for note in sorted((self.prefix / "notes").iterdir()):
            record = json.loads(note.read_text(encoding="utf-8"))
            note.unlink()
            words = tuple(
                word for text in record["words"] for word in (shlex.split(text) if "\n" in text else [text])
            )
            found.append(
                Process(
                    record["tool"],
                    words,
                    Path(record["folder"]),
                    record["wall"],
                    record["cpu"],
                    record["peak"],
                )
            )
        return found

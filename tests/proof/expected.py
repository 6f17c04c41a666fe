"""What a build has to compile: a model that shares no code with copypatch.

A uop's text is expanded by a clang of our own, one source a uop. Expansion, flags and compiler are its key, and
a key that this output folder and this cache have not seen has to be compiled; any other must not be. Where an
output was damaged and no cache can restore it, compiling it again is allowed.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass, field

from proof.bench import ENTRY, WARNING, Bench

_MARK = "#pragma proof_uop "


class Expander:
    """Expands the uops of a bench, each in a translation unit of its own."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._known: dict[str, dict[str, str] | None] = {}

    def keys(self, inputs: str, *, debug: bool, cflags: list[str]) -> dict[str, str] | None:
        """Return a key by group; None where a header is missing. *inputs* is a digest of all that counts."""
        if inputs not in self._known:
            self._known[inputs] = self._expand(debug=debug, cflags=cflags)
        return self._known[inputs]

    def _expand(self, *, debug: bool, cflags: list[str]) -> dict[str, str] | None:
        bench, folder = self._bench, self._bench.folder / "expected"
        folder.mkdir(exist_ok=True)
        tools = bench.tree / "Tools" / "jit"
        template = (tools / "template.c").read_text(encoding="utf-8")
        sources = {
            name: f'#line 1 "./{name}.c"\n{template}'.replace("CASE", f"case {name}: {{\n{body}\n        }}")
            for name, body in bench.cases().items()
        }
        # The entry is compiled where it is: what it includes is looked for beside it first.
        sources[ENTRY] = ""
        for name, text in sources.items():
            head = f"{_MARK}{name}\n#define _JIT_OPCODE {name}\n"
            (folder / f"{name}.c").write_text(head + text, encoding="utf-8")
        include = bench.tree / "Include"
        searched = [
            bench.tree,
            include,
            include / "internal",
            include / "internal" / "mimalloc",
            bench.tree / "Python",
            tools,
        ]
        flags = [
            *(f"-I{path}" for path in searched),
            "-O3",
            *(["-D_DEBUG"] if debug else ["-DNDEBUG"]),
            *cflags,
        ]
        process = subprocess.run(
            [
                bench.real / "bin" / "clang",
                "-E",
                "-P",
                *flags,
                *(f"{name}.c" for name in sources),
                tools / "shim.c",
            ],
            cwd=folder,
            capture_output=True,
            check=False,
            text=True,
        )
        if process.returncode:
            return None
        compiler = (bench.prefix / "bin" / "clang").read_bytes()
        common = [*cflags, str(debug), hashlib.sha256(compiler).hexdigest()]
        parts = re.split(rf"^{_MARK}(\w+)$", process.stdout, flags=re.MULTILINE)
        return {
            name: hashlib.sha256("\0".join([name, *common, text]).encode()).hexdigest()
            for name, text in zip(parts[1::2], parts[2::2], strict=True)
        }


@dataclass
class Known:
    """What an output folder has of one group.

    *object* is the key of the object, *fragment* that of the fragment. *certain*: the whole chain is there, and
    nobody has touched it. *perhaps* are keys of which something may be there, and whole.
    """

    object: str = ""
    fragment: str = ""
    tool: str = ""
    certain: bool = False
    perhaps: set[str] = field(default_factory=set)


@dataclass
class Model:
    """What the output folder and the cache have seen; an output folder has one part for each kind of build.

    *fragments* are those that are in the cache without their objects, by key and tool: made again by another tool
    from objects that were compiled while there was no cache, or before it was emptied. *doubtful* are those of
    which this may be so: something was wrong with what the folder had of them, but perhaps not with the fragment.
    """

    folders: dict[str, dict[str, Known]] = field(default_factory=dict)
    cache: set[str] = field(default_factory=set)
    fragments: set[tuple[str, str]] = field(default_factory=set)
    doubtful: set[tuple[str, str]] = field(default_factory=set)

    def known(self, kind: str, name: str) -> Known:
        """What the part of the folder for a kind of build has of a group."""
        return self.folders.setdefault(kind, {}).setdefault(name, Known())

    def expect(
        self, kind: str, keys: dict[str, str], *, cached: bool, full: bool, tool: str
    ) -> tuple[set[str], set[str]]:
        """Return the groups that have to be compiled, and those of which it cannot be said."""
        must, may = set(), set()
        for name, key in keys.items():
            known = self.known(kind, name)
            if known.object == key and known.certain:
                continue
            if known.fragment == key and known.tool == tool and not full:
                continue
            if name in WARNING:
                # What clang warned of is not kept in the cache, unless it was made again without clang.
                may.add(name)
            elif cached and (key in self.cache or ((key, tool) in self.fragments and not full)):
                continue
            elif key in (known.object, known.fragment, *known.perhaps) or (cached and (key, tool) in self.doubtful):
                may.add(name)
            else:
                must.add(name)
        return must, may

    def built(
        self, kind: str, keys: dict[str, str], compiled: set[str], *, cached: bool, full: bool, tool: str
    ) -> None:
        """Take in what a build did that worked."""
        for name, key in keys.items():
            known = self.known(kind, name)
            if name in compiled:
                self.folders[kind][name] = Known(key, key, tool, certain=True)
                if cached and name not in WARNING:
                    self.cache.add(key)
            elif known.object == key and known.certain:
                if cached and name not in WARNING and (known.fragment, known.tool) != (key, tool):
                    self.fragments.add((key, tool))
                known.fragment, known.tool = key, tool
            elif known.fragment != key or known.tool != tool or full:
                # Out of the cache: the fragment, the object or both. Or nothing was wrong with the object: then
                # the fragment was made again and is in the cache from here on, or nothing was wrong with it either.
                if cached:
                    self.doubtful.add((key, tool))
                self.folders[kind][name] = Known(known.object, key, tool, certain=full)
                if full:
                    self.folders[kind][name].object = key
        for name in set(self.folders.get(kind, {})) - set(keys):
            # The manifest forgets a group that is gone, its files stay.
            self.doubt(kind, name, fragment=True)

    def doubt(self, kind: str, name: str, *, fragment: bool = False) -> None:
        """Somebody has touched what the folder has of a group; *fragment*: the fragment too."""
        known = self.known(kind, name)
        known.certain = False
        if fragment:
            # Either may still be of use.
            known.perhaps |= {known.object, known.fragment}
            known.object = known.object or known.fragment
            known.fragment = known.tool = ""

    def doubt_all(self, kind: str) -> None:
        """Somebody has touched what the folder knows of its groups."""
        for name in self.folders.get(kind, {}):
            self.doubt(kind, name, fragment=True)

"""Drives a tree's generator by its own top functions, one uop at a time, with two things replaced.

Where it would start an LLVM tool it is handed what copypatch has made with that tool already, and the numbers that
it gives to symbols are of no consequence (:mod:`copypatch.tree_worker.numbering`). Where it makes the entry with
any uop, it is handed the uop's own object for that, too. So a uop's text depends on the uop alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from copypatch.tree_worker import OtherFlags, Refused, cause
from copypatch.tree_worker.commands import Commands, output_of
from copypatch.tree_worker.numbering import FIRST, OTHER, Symbols, named, named_masks, paired
from copypatch.tree_worker.state import Kept

_FRAGMENT = re.compile(r"^@fragment\((.*)\)@$", re.MULTILINE)
# How long the entry waits, in seconds, for the uop that it is compiled beside; that needs no time to speak of.
_PATIENCE = 1.0

# What is set here for each uop; see Kept.
_SET = frozenset({"_targets.PYTHON_EXECUTOR_CASES_C_H", "_llvm.run", "_llvm.maybe_run", "_writer._dump_stencil"})


class _Finished(Exception):
    """What was wanted of the tree's function has been done, and the rest of it is not needed."""


class _Text:
    """A file that is only read, or named to the compiler."""

    def __init__(self, text: str, name: object = "") -> None:
        self._text, self._name = text, str(name)

    def __str__(self) -> str:
        return self._name

    def read_text(self, *_args: object, **_options: object) -> str:
        return self._text


class _Scratch(type(Path())):  # type: ignore[misc]
    """A path of a file that is written over and over.

    Some file systems (ext4) bring what takes the place of other content to the disk at once, and each time would
    have to wait for it; a new file waits for nobody.
    """

    __slots__ = ()

    def write_text(self, *arguments: Any, **options: Any) -> int:
        """Write a new file."""
        self.unlink(missing_ok=True)
        written: int = super().write_text(*arguments, **options)
        return written


def _untouched(optimizer: type) -> type:
    """Return what stands for an assembly optimiser where the assembly has been through it already."""
    nothing = {"__init__": lambda _self, *_args, **_options: None, "run": lambda _self: None}
    return type(optimizer.__name__, (optimizer,), nothing)


class Worker:
    """The tree's generator for one target."""

    def __init__(self, settings: dict[str, Any], scratch: Path) -> None:
        sys.path.insert(0, settings["tools"])
        # For the tree's modules, and the few of Python's that nobody has imported yet.
        sys.pycache_prefix, sys.dont_write_bytecode = settings["bytecode"], False
        # As its command line does: _targets comes first, or _llvm finds it half imported.
        modules: list[Any] = list(map(importlib.import_module, ("_targets", "_llvm", "_writer")))
        _targets, _llvm, _writer = modules

        self._settings = settings
        self._scratch = _Scratch(scratch)
        self._commands = Commands(settings, self._scratch)
        self._targets, self._writer, self._llvm = _targets, _writer, _llvm
        self._dump_stencil = _writer._dump_stencil
        self._loop = asyncio.new_event_loop()
        _targets.tempfile = SimpleNamespace(
            TemporaryDirectory=lambda *_args, **_options: contextlib.nullcontext(str(scratch))
        )
        _targets.TOOLS_JIT_TEMPLATE_C = _Text("CASE", _targets.TOOLS_JIT_TEMPLATE_C)
        self.kept = Kept(Path(settings["tools"]), _SET)

    def _target(self) -> Any:
        """Return the tree's target; each uop gets one of its own, so that none finds what another has left."""
        target = self._targets.get_target(self._settings["triple"])
        target.debug = self._settings["debug"]
        target.cflags = self._settings["cflags"]
        target.pyconfig_dir = Path(self._settings["pyconfig"])
        return target

    def _tidy(self) -> None:
        """Remove what was written for the last uop."""
        for path in self._scratch.iterdir():
            with contextlib.suppress(OSError):
                path.unlink()

    def _tools(self, run: Any) -> None:
        """Let *run*(tool, arguments) stand for the start of a tool; it returns what the tool would print."""

        async def start(tool: str, arguments: list[str]) -> str:
            text: str = run(tool, arguments)
            return text

        self._let_start(start)

    def _let_start(self, start: Any) -> None:
        async def start_plain(tool: str, args: Any, *_args: object, **_options: object) -> str:
            text: str = await start(tool, [str(argument) for argument in args])
            return text

        self._llvm.run = self._llvm.maybe_run = start_plain

    def _started(self, tool: str, arguments: list[str]) -> str:
        """Really start a tool of the chosen LLVM."""
        command = [self._settings["programs"].get(tool, tool), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            raise Refused(f"no {tool} beside the LLVM that is used, nor on PATH; install it") from None
        if done.returncode:
            raise Refused(f"{tool} failed:\n{done.stderr.decode('utf-8', 'replace').rstrip()}")
        return done.stdout.decode("utf-8", "surrogateescape")

    # --- what the compiler is to be told

    def flags(self, opname: str) -> dict[str, Any]:
        """Return what the generator would say to the compiler about a uop, by the suffix of what that writes."""
        said: dict[str, list[str]] = {}

        async def start(tool: str, arguments: list[str]) -> str:
            of_the_uop = any(Path(word).name.startswith(f"{opname}.") for word in arguments)
            if tool != "clang":
                if not of_the_uop:
                    # The generator's other tasks end with the first that fails.
                    await asyncio.sleep(_PATIENCE)
                raise _Finished
            output = output_of(arguments)
            if of_the_uop:
                said[output.suffix] = self._commands.words(arguments)
            output.write_text(self._commands.sample(output.suffix), encoding="utf-8")
            return ""

        self._let_start(start)
        try:
            self._built(opname, Symbols(FIRST))
        except Exception as error:
            if not isinstance(cause(error), _Finished):
                raise
        return {"words": said}

    # --- the assembly optimiser

    def optimise(self, opname: str, assembly: str) -> dict[str, Any]:
        """Return a uop's assembly after the tree's passes over it."""
        found: list[str] = []
        self._tidy()

        def run(_tool: str, arguments: list[str]) -> str:
            place = self._commands.stand_in(arguments)
            if place.suffix == ".o":
                found.append(Path(arguments[-1]).read_text(encoding="utf-8"))
                raise _Finished
            place.write_text(Path(assembly).read_text(encoding="utf-8"), encoding="utf-8")
            return ""

        self._tools(run)
        with contextlib.suppress(_Finished):
            source = self._scratch / f"{opname}.c"
            self._loop.run_until_complete(self._target()._build_stencil_group(opname, source, self._scratch))
        if len(found) != 1:
            raise Refused("the tree's generator assembles nothing behind its passes over the assembly")
        return {"text": found[0]}

    # --- from an object to a fragment

    def fragment(self, opname: str, sections: str | None, disassembly: str | None) -> dict[str, Any]:
        """Return a group's C text, with names for numbers, and what the merge must know of it.

        *sections* and *disassembly* are files with what was printed of its object, None where it has none.
        """
        printed: dict[str, str] = {}
        if sections is not None and disassembly is not None:
            printed["llvm-readobj"] = Path(sections).read_text(encoding="utf-8")
            printed["llvm-objdump"] = Path(disassembly).read_text(encoding="utf-8", errors="surrogateescape")
        known: dict[str, list[str]] = self._settings["arguments"]

        def run(tool: str, arguments: list[str]) -> str:
            if tool == "clang":
                self._commands.stand_in(arguments)
                return ""
            if arguments[:-1] != known.get(tool):
                raise OtherFlags(
                    f"Tools/jit/_targets.py runs {tool} with other options: {' '.join(arguments[:-1])}"
                )
            if tool not in printed:
                raise OtherFlags(f"Tools/jit/_targets.py compiles {opname}, which its release leaves empty")
            return printed[tool]

        self._tools(run)
        first = self._generate(opname, FIRST)
        numbers = first["symbols"]
        if numbers:
            other = self._generate(opname, OTHER)
            first["text"] = named(first["text"], other["text"], paired(numbers, other["symbols"]))
            first["group"] = named_masks(first["group"], other["group"], numbers, other["symbols"])
        return {**first, "symbols": list(numbers)}

    def _generate(self, opname: str, first: int) -> dict[str, Any]:
        symbols = Symbols(first)
        groups = self._built(opname, symbols)
        entry: str = self._settings["entry"]
        if set(groups) != {opname} | ({entry} if entry else set()):
            raise Refused(f"the tree's generator makes {', '.join(groups) or 'nothing'} of the case of {opname}")
        group = groups[opname]
        return {
            "text": "".join(f"{line}\n" for line in self._dump_stencil(opname, group)),
            "code_size": len(group.code.body),
            "data_size": len(group.data.body),
            "group": group.as_c(opname),
            "symbols": dict(symbols.items()),
        }

    def _built(self, opname: str, symbols: Symbols) -> dict[str, Any]:
        """Let the generator make the group of one uop, or the entry, out of what the tools print."""
        self._tidy()
        case = "" if opname == self._settings["entry"] else f"\n        case {opname}: {{\n\n        }}\n"
        self._targets.PYTHON_EXECUTOR_CASES_C_H = _Text(case)
        target = self._target()
        target.known_symbols = symbols
        # Before 3.15 there is none.
        target.optimizer = _untouched(getattr(target, "optimizer", object))
        groups: dict[str, Any] = self._loop.run_until_complete(target._build_stencils())
        return groups

    # --- what is made once for a target

    def header(self, groups: dict[str, str], symbols: dict[str, int]) -> dict[str, Any]:
        """Return the lines of the header, with ``@fragment(name)@`` for a group's text.

        *groups* are the groups' entries in its table, *symbols* the numbers.
        """

        def stands_for(text: str) -> SimpleNamespace:
            return SimpleNamespace(as_c=lambda _opname: text)

        finished = {opname: stands_for(text) for opname, text in groups.items()}
        self._writer._dump_stencil = lambda opname, _group: iter([f"@fragment({opname})@"])
        # 3.13 numbers nothing.
        count = len(inspect.signature(self._writer.dump).parameters)
        lines = list(self._writer.dump(*(finished, symbols)[:count]))
        if sorted(_FRAGMENT.findall("\n".join(lines))) != sorted(groups):
            raise Refused("the tree's generator writes a header without some uop, or with one twice")
        return {"lines": lines}

    def shim(self, output: str) -> dict[str, Any]:
        """Compile the shim to *output*; return the lines of the header about its unwinding."""
        more: list[str] = self._settings["arguments"]["shim"]

        def run(tool: str, arguments: list[str]) -> str:
            return self._started(tool, [*more, *arguments] if tool == "clang" else arguments)

        self._tools(run)
        place, target = Path(output), self._target()
        self._loop.run_until_complete(target._build_shim_object(place))
        info = self._loop.run_until_complete(target._get_shim_unwind_info(place))
        return {"lines": list(self._writer.dump_unwind_info(info))}

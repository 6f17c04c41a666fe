"""The worker: runs the passes that ship in a CPython tree, from the tree, in a process of their own.

It is started with the tree's Tools/jit and the target, and imports nothing of copypatch, so that the two never get
into each other's way. It knows the generators of 3.13 to 3.15 by what they have in common. A request is a line of
JSON on standard input, a reply one on standard output.

The tree's generator is driven by its own top functions, one uop at a time, with two things replaced: where it would
start an LLVM tool it is handed what copypatch has made with that tool already, and the numbers that it gives to
symbols are of no consequence. A uop is run twice, with different numbers; what differs in the text is a number, and
leaves as a name that the merge fills in. Where the generator makes the entry with any uop, it is handed the uop's
own object for that, too. So a uop's text depends on the uop alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# What the first symbol of a uop is numbered, in the one run and in the other.
_FIRST, _OTHER = 64, 160
_HEX = re.compile(r"0x[0-9a-f]+")
_MASK = re.compile(r"\{(0x[0-9a-f]+(?:, 0x[0-9a-f]+)*)\}")
_FRAGMENT = re.compile(r"^@fragment\((.*)\)@$", re.MULTILINE)
# What a driver is asked to do, not how. Where these stand among the other words makes no difference.
_MODES = frozenset({"-S", "-c", "-emit-llvm", "-o"})


class _Refused(Exception):
    """The tree does something that the driver is not made for; the text says what."""


class _OtherFlags(_Refused):
    """The tree asks the compiler for something else than copypatch did, so nothing that it made is of use."""


class _Finished(Exception):
    """What was wanted of the tree's function has been done, and the rest of it is not needed."""


class _Symbols(dict):  # type: ignore[type-arg]
    """The symbols of one uop; the generator numbers a new one by how many there are."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self._first = first

    def __len__(self) -> int:
        return self._first + super().__len__()

    def __bool__(self) -> bool:
        return super().__len__() > 0


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
        self._targets, self._writer, self._llvm = _targets, _writer, _llvm
        self._dump_stencil = _writer._dump_stencil
        self._loop = asyncio.new_event_loop()
        _targets.tempfile = SimpleNamespace(
            TemporaryDirectory=lambda *_args, **_options: contextlib.nullcontext(str(scratch))
        )
        _targets.TOOLS_JIT_TEMPLATE_C = _Text("CASE", _targets.TOOLS_JIT_TEMPLATE_C)

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

        async def start(tool: str, args: Any, **_options: object) -> str:
            text: str = run(tool, [str(argument) for argument in args])
            return text

        async def start_plain(tool: str, args: Any, *_args: object, **_options: object) -> str:
            return await start(tool, args)

        self._llvm.run = self._llvm.maybe_run = start_plain

    def _started(self, tool: str, arguments: list[str]) -> str:
        """Really start a tool of the chosen LLVM."""
        command = [self._settings["programs"].get(tool, tool), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            raise _Refused(f"no {tool} beside the LLVM that is used, nor on PATH; install it") from None
        if done.returncode:
            raise _Refused(f"{tool} failed:\n{done.stderr.decode('utf-8', 'replace').rstrip()}")
        return done.stdout.decode("utf-8", "surrogateescape")

    # --- the assembly optimiser

    def optimise(self, opname: str, assembly: str) -> dict[str, Any]:
        """Return a uop's assembly after the tree's passes over it."""
        found: list[str] = []
        self._tidy()

        def run(_tool: str, arguments: list[str]) -> str:
            place = self._compiled(arguments)
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
            raise _Refused("the tree's generator assembles nothing behind its passes over the assembly")
        return {"text": found[0]}

    def _compiled(self, arguments: list[str]) -> Path:
        """Stand for a run of the compiler, which has been already; return where its output is looked for.

        Makes sure that the tree asks for what copypatch has done, and does to what the compiler reads what
        copypatch does.
        """
        output = Path(arguments[arguments.index("-o") + 1])
        done: list[str] = self._settings["arguments"].get(output.suffix, [])
        expected = [word for word in done if not self._is_place(word)]
        asked = [self._word(word) for word in arguments if not self._is_place(word)]
        # 3.13's generator takes no flags of the user's.
        if asked not in (expected, [*expected, *shlex.split(self._settings["cflags"])]):
            lacking = [word for word in asked if word not in expected]
            more = [word for word in expected if word not in asked]
            raise _OtherFlags(
                f"Tools/jit/_targets.py compiles with other flags than copypatch knows of its release "
                f"(it has {' '.join(lacking) or 'no more'}, and lacks {' '.join(more) or 'none'}, or their order "
                "differs); flags of your own belong into cflags="
            )
        edits: dict[str, tuple[str, str]] = self._settings["edits"]
        for path in (Path(word) for word in arguments if word.startswith(f"{self._scratch}/")):
            if (
                path != output
                and path.suffix in edits
                and path.read_text(encoding="utf-8") != edits[path.suffix][1]
            ):
                raise _OtherFlags(
                    f"Tools/jit/_targets.py makes other changes to {path.suffix} files than copypatch"
                )
        if output.suffix in edits:
            output.write_text(edits[output.suffix][0], encoding="utf-8")
        return output

    def _is_place(self, word: str) -> bool:
        """Tell whether a word of a command names a file or a uop, or says what to do with it."""
        of_a_uop = word.startswith(("-D_JIT_OPCODE=", f"-ffile-prefix-map={self._scratch}=", f"{self._scratch}/"))
        return of_a_uop or word in _MODES or (word.startswith("/") and word.endswith(".c"))

    def _word(self, word: str) -> str:
        # 3.13's generator works in the folder of pyconfig.h.
        return f"-I{self._settings['pyconfig']}" if word == "-I." else word

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
                self._compiled(arguments)
                return ""
            if arguments[:-1] != known.get(tool):
                raise _OtherFlags(
                    f"Tools/jit/_targets.py runs {tool} with other options: {' '.join(arguments[:-1])}"
                )
            if tool not in printed:
                raise _OtherFlags(f"Tools/jit/_targets.py compiles {opname}, which its release leaves empty")
            return printed[tool]

        self._tools(run)
        first = self._generate(opname, _FIRST)
        numbers = first["symbols"]
        if numbers:
            other = self._generate(opname, _OTHER)
            numbered = [(f"{a:#x}", f"{b:#x}", name) for name, a, b in self._paired(numbers, other["symbols"])]
            first["text"] = _named(first["text"], other["text"], numbered)
            first["group"] = _named_masks(first["group"], other["group"], numbers, other["symbols"])
        return {**first, "symbols": list(numbers)}

    @staticmethod
    def _paired(one: dict[str, int], other: dict[str, int]) -> list[tuple[str, int, int]]:
        if list(one) != list(other):
            raise _Refused("the tree's generator finds other symbols when they are numbered otherwise")
        return [(name, number, other[name]) for name, number in one.items()]

    def _generate(self, opname: str, first: int) -> dict[str, Any]:
        self._tidy()
        symbols = _Symbols(first)
        entry: str = self._settings["entry"]
        case = "" if opname == entry else f"\n        case {opname}: {{\n\n        }}\n"
        self._targets.PYTHON_EXECUTOR_CASES_C_H = _Text(case)
        target = self._target()
        target.known_symbols = symbols
        # Before 3.15 there is none.
        target.optimizer = _untouched(getattr(target, "optimizer", object))
        groups = self._loop.run_until_complete(target._build_stencils())
        if set(groups) != {opname} | ({entry} if entry else set()):
            raise _Refused(f"the tree's generator makes {', '.join(groups) or 'nothing'} of the case of {opname}")
        group = groups[opname]
        return {
            "text": "".join(f"{line}\n" for line in self._dump_stencil(opname, group)),
            "code_size": len(group.code.body),
            "data_size": len(group.data.body),
            "group": group.as_c(opname),
            "symbols": dict(symbols.items()),
        }

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
            raise _Refused("the tree's generator writes a header without some uop, or with one twice")
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


def _named(one: str, other: str, numbered: list[tuple[str, str, str]]) -> str:
    """Put names for the numbers by which two texts differ."""
    names = {(a, b): name for a, b, name in numbered}
    first, second = one.split("\n"), other.split("\n")
    if len(first) != len(second):
        raise _Refused("the tree's generator writes more lines when symbols are numbered otherwise")
    lines = []
    for a, b in zip(first, second, strict=True):
        if a != b:
            words, others = _HEX.findall(a), _HEX.findall(b)
            gaps = _HEX.split(a)
            if gaps != _HEX.split(b):
                raise _Refused(f"a symbol's number is not told from the rest of {a.strip()!r}")
            lines.append(gaps[0])
            for word, its, gap in zip(words, others, gaps[1:], strict=True):
                if word != its and (word, its) not in names:
                    raise _Refused(f"a symbol's number is not told from the rest of {a.strip()!r}")
                lines[-1] += (word if word == its else f"@ordinal({names[word, its]})@") + gap
            if lines[-1].count("@ordinal(") > 1:
                raise _Refused(f"two symbols' numbers are in one line: {a.strip()!r}")
        else:
            lines.append(a)
    return "\n".join(lines)


def _named_masks(one: str, other: str, numbers: dict[str, int], others: dict[str, int]) -> str:
    """Put names for the bits of the masks in a group's initializer."""

    def named(text: str, numbers: dict[str, int]) -> str:
        names = {number: name for name, number in numbers.items()}

        def replaced(match: re.Match[str]) -> str:
            words = match[1].split(", ")
            bits = sum(int(word, 16) << 32 * place for place, word in enumerate(words))
            found = [number for number in range(bits.bit_length()) if bits >> number & 1]
            again = [f"{bits >> 32 * place & 0xFFFFFFFF:#04x}" for place in range(len(words))]
            if again != words or not all(number in names for number in found):
                raise _Refused(f"a mask of symbols is not told from the rest of {text!r}")
            return f"@mask({','.join(names[number] for number in found)})@"

        return _MASK.sub(replaced, text)

    result = named(one, numbers)
    if result != named(other, others):
        raise _Refused(f"a mask of symbols is not told from the rest of {one!r}")
    return result


def _answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    do: dict[str, Callable[..., dict[str, Any]]] = {
        "optimise": worker.optimise,
        "fragment": worker.fragment,
        "header": worker.header,
        "shim": worker.shim,
    }
    act = do[request["do"]]
    replies = []
    for arguments in request["each"]:
        try:
            replies.append(act(*arguments))
        except Exception as error:  # whatever code of the tree raises is told of the uop, and others go on
            if isinstance(_cause(error), _OtherFlags):
                return {"error": _told(error)}
            replies.append({"error": _told(error)})
    return {"replies": replies}


def _cause(error: BaseException) -> BaseException:
    """Return what was raised in the first of the tree's tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _told(group: Exception) -> str:
    error = _cause(group)
    if isinstance(error, _Refused):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {error}"


def main() -> None:
    """Answer requests until there are no more."""
    requests, replies = (
        os.fdopen(os.dup(0), encoding="utf-8", errors="surrogateescape"),
        os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogateescape"),
    )
    # What the tree's code prints is not for us.
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            worker = Worker(json.loads(requests.readline()), Path(scratch).resolve())
        except Exception as error:  # a tree whose files cannot be imported
            print(json.dumps({"error": _told(error)}), file=replies, flush=True)
            return
        print(json.dumps({"replies": []}), file=replies, flush=True)
        for line in requests:
            print(json.dumps(_answer(worker, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    # Whoever started it may have no use for it after all, or be interrupted.
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
    os._exit(0)

"""Assembling many uops at once.

clang's assembler, ``-cc1as``, takes one file, and a process for each is mostly process start. But ``-cc1`` takes
any number of modules of LLVM IR and makes an object of each, and a module may hold nothing but assembly: that goes
through the same parser to the same writer of objects. So the text of each uop becomes a module, and they go to
clang in shards (:mod:`copypatch.shards`).

A module says some things by itself: the name of its source, what a COFF object promises of its code, for which
version of macOS it is. Where the text says them too, it would be said twice, so the text's words are left out, and
a proof that objects come out as the assembler makes them is for modules of which the same was left out. What holds
a directive that is not known to mean the same in both places is assembled alone, by the driver. So is what the
assembler has anything to say about: only the driver knows whose words they are.
"""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copypatch.compile_step import CompileReport, Stage, Warn, each_alone, shard
from copypatch.files import digest_file, make_folder, read_text, remove, write_if_changed
from copypatch.paths import Paths
from copypatch.process import Runner
from copypatch.shards import FEWEST, Proofs, ShardLine, derive, proof_subject
from copypatch.timeline import CHECK_FOLDER
from copypatch.triples import ObjectFormat

# --- from assembly to a module

# clang takes the last part of a path for the name, the assembler all of it.
_FILE = re.compile(r'^[ \t]*\.file[ \t]+"([^"\\/]*)"[ \t]*\n', re.MULTILINE)
# What a module of this object format says by itself.
_SAID: Mapping[ObjectFormat, re.Pattern[str]] = {
    ObjectFormat.COFF: re.compile(
        r'^\t\.def\t("?)@feat\.00\1;\n\t\.scl\t3;\n\t\.type\t0;\n\t\.endef\n\t\.globl\t\1@feat\.00\1\n'
        r"\1@feat\.00\1 = \d+\n",
        re.MULTILINE,
    ),
    ObjectFormat.MACHO: re.compile(r"^\t\.(?:build_version|macosx_version_min)\b[^\n]*\n", re.MULTILINE),
}
# Directives that say the same whatever is around them.
_PLAIN = (
    "text|data|bss|section|p2align|balign|globl|hidden|private_extern|weak|local|type|size|comm|lcomm|def|scl|endef|set|"
    "byte|2byte|4byte|8byte|short|hword|word|long|int|quad|xword|zero|fill|space|skip|ascii|asciz|string|"
    "loh|ident|addrsig|addrsig_sym|subsections_via_symbols|zerofill|data_region|end_data_region|"
    # Left out, but for a copy in a comment behind `;`, which is a statement elsewhere.
    "build_version|macosx_version_min"
)
# Any other: a word with a dot that begins a statement, and is neither a label nor assigned to.
_OTHER = re.compile(
    rf"(?:^|;|:[ \t])[ \t]*\.(?!(?:{_PLAIN})\b)\w+(?![\w.$@]*[ \t]*[:=])",
    re.MULTILINE,
)
_NO_STACK = ".note.GNU-stack"


@dataclass(frozen=True, slots=True)
class Module:
    """Assembly as LLVM IR, but for its triple.

    *source* is the name of the source that the text gave, None where it gave none. *left_out* is what a module says
    by itself.
    """

    text: str
    source: str | None
    left_out: str

    def ir(self, triple: str) -> str:
        """Return the text of the module; *triple* is the target as clang calls it."""
        escaped = self.text.replace("\\", r"\5C").replace('"', r"\22")
        return f'source_filename = "{self.source or ""}"\ntarget triple = "{triple}"\nmodule asm "{escaped}"\n'


def module(assembly: str, object_format: ObjectFormat) -> Module | None:
    """Return assembly as a module; None where it might mean something else there."""
    text, source, left_out = assembly, None, ""
    named = _FILE.search(text) if object_format is not ObjectFormat.MACHO else None
    if named is not None:
        source = named[1]
        text = text[: named.start()] + text[named.end() :]
    pattern = _SAID.get(object_format)
    said = pattern.search(text) if pattern is not None else None
    if said is not None:
        left_out = said[0]
        text = text[: said.start()] + text[said.end() :]
    if object_format is ObjectFormat.ELF and (source is None or _NO_STACK not in text):
        # A module's object has both.
        return None
    if "\0" in text or _OTHER.search(text) is not None:
        return None
    return Module(text, source, left_out)


# The last record of a COFF object's symbol table where the module's source has no name: `.file`, of a debugging
# section, with no value, no type, and nothing behind it.
_NAMELESS = struct.pack("<8sIhHBB", b".file", 0, -2, 0, 0x67, 0)
_HEADER = struct.Struct("<II")


def without_nameless_file(coff: bytes) -> bytes | None:
    """Return a COFF object without the symbol of a source that has no name; None where it is not there.

    It is the last of the symbol table, so no index changes. The header has the table's place and length at 8
    (Microsoft's "PE Format", COFF file header), and the strings behind the table have no place of their own.
    """
    try:
        table, count = _HEADER.unpack_from(coff, 8)
    except struct.error:
        return None
    last = table + (count - 1) * len(_NAMELESS)
    if count == 0 or coff[last : last + len(_NAMELESS)] != _NAMELESS:
        return None
    return coff[:8] + _HEADER.pack(table, count - 1) + coff[16:last] + coff[last + len(_NAMELESS) :]


# --- from modules to objects


@dataclass(frozen=True, slots=True)
class _Modules(Stage):
    """The last step, with modules for its sources; *nameless* are those whose sources have no name."""

    nameless: frozenset[str] = frozenset()

    def source(self, opname: str) -> Path:
        """Return where a module is, for as long as it is needed."""
        return self.outputs.intermediate(opname, ".ll")

    def command(self, opname: str, output: Path) -> list[str]:
        """Return the driver's command, less what the text has to ask for."""
        command = Stage.command(self, opname, output)
        return [command[0], "-fno-addrsig", *command[1:]]

    def collect(self, opname: str) -> bool:
        """Take an object to its place, as the assembler would have made it; tell whether it can be used."""
        if opname in self.nameless:
            made = self.shard_output(opname)
            found = without_nameless_file(made.read_bytes())
            if found is None:
                return False
            made.write_bytes(found)
        return Stage.collect(self, opname)


class Assembler:
    """Does the step from assembly to objects, in shards where those give the same objects as the assembler.

    Threads share it. *warn* is told once where each uop has to be assembled alone, and why.
    """

    def __init__(self, stage: Stage, runner: Runner, warn: Warn, proofs: Proofs) -> None:
        self._stage, self._runner, self._warn, self._proofs = stage, runner, warn, proofs
        self._lock = threading.Lock()
        self._lines: dict[str, ShardLine | None] = {}
        self._object_format = stage.plan.request.target.platform.object_format

    def run(self, opnames: Sequence[str]) -> CompileReport:
        """Assemble uops. Raises OSError, OutputError."""
        report = CompileReport()
        groups: dict[str, dict[str, Module]] = {}
        if self._stage.plan.request.shards and len(opnames) >= FEWEST:
            for opname in opnames:
                found = module(read_text(self._stage.source(opname)), self._object_format)
                if found is not None:
                    groups.setdefault(found.left_out, {})[opname] = found
        for modules in groups.values():
            if len(modules) >= FEWEST:
                report.extend(self._in_shard(modules))
        done = {*report.alone, *report.sharded, *report.failed}
        report.extend(each_alone(self._stage, [opname for opname in opnames if opname not in done], self._runner))
        return report

    def _in_shard(self, modules: Mapping[str, Module]) -> CompileReport:
        """Assemble modules of which the same was left out; nothing where a shard cannot be had or trusted."""
        stage = self._stage
        nameless = frozenset(opname for opname, one in modules.items() if one.source is None)
        if self._object_format is not ObjectFormat.COFF:
            nameless = frozenset()
        step = _Modules(stage.plan, stage.step, stage.index, stage.outputs, nameless)
        try:
            left_out = next(iter(modules.values())).left_out
            with self._lock:
                # Whoever comes first proves the line for all.
                if left_out not in self._lines:
                    return self._first(step, modules)
                line = self._lines[left_out]
            return self._shard(step, modules, line) if line is not None else CompileReport()
        finally:
            remove(map(step.source, modules))

    def _first(self, step: _Modules, modules: Mapping[str, Module]) -> CompileReport:
        """Find out whether there is a shard line that can be trusted, and use it."""
        sample, left_out = next((opname, one.left_out) for opname, one in modules.items())
        subject = self._subject(sample, left_out)
        verdict = self._proofs.verdict(subject)
        report = CompileReport()
        self._lines[left_out] = None
        if not verdict:
            line = self._derive(step, sample)
            if isinstance(line, str):
                verdict = line
            else:
                report = self._shard(step, modules, line)
                self._lines[left_out] = line
        if report.sharded and verdict is None:
            verdict = self._difference({report.sharded[0], report.sharded[-1]})
            self._proofs.record(subject, verdict)
        if verdict:
            self._warn(f"{self._stage.plan.request.name}: every uop is assembled alone: {verdict}")
            self._lines[left_out] = None
            return CompileReport()
        return report

    def _subject(self, sample: str, left_out: str) -> str:
        """Return what a proof is about: this assembler, with these flags, and how modules are made."""
        plan, step = self._stage.plan, self._stage.step
        command = plan.compile_command(sample, step, "", "")[1:]
        return proof_subject(f"{plan.request.identity} {_own_digest()} {left_out}", command, [step])

    def _derive(self, step: _Modules, sample: str) -> ShardLine | str:
        output = str(step.output(sample))
        # The driver wants the file to be there.
        write_if_changed(step.source(sample), "")
        command, source = step.command(sample, step.output(sample)), step.source_argument(sample)
        line = derive(command, source, output, step.folder(sample), self._runner)
        if isinstance(line, str) or "-triple" not in line.arguments:
            return line if isinstance(line, str) else "the driver's command names no target"
        # What the assembler has anything to say about is to fail here: the driver says whose words they are.
        return ShardLine((*line.arguments, "-Werror"))

    def _shard(self, step: _Modules, modules: Mapping[str, Module], line: ShardLine) -> CompileReport:
        triple = line.arguments[line.arguments.index("-triple") + 1]
        for opname, one in modules.items():
            step.source(opname).write_bytes(one.ir(triple).encode("utf-8", "surrogateescape"))
        return shard(step, [*modules], line, self._runner, single=self._stage)

    def _difference(self, opnames: Iterable[str]) -> str:
        """Return how objects differ from what the driver makes of the same assembly; "" if they are the same."""
        stage = self._stage
        for opname in sorted(opnames):
            made = Paths(stage.plan.paths.folder / CHECK_FOLDER).object(opname)
            make_folder(made.parent)
            result = self._runner.run(stage.command(opname, made), cwd=stage.folder(opname))
            if result.status or made.read_bytes() != stage.output(opname).read_bytes():
                return f"{opname} comes out differently from what the driver makes"
        return ""


def _own_digest() -> str:
    return digest_file(Path(__file__))

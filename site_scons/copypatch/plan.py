"""The plan of one header: everything that is known before anything is built.

A plan is made for one tree, target and kind of build. It says where every artefact goes, which commands make
it, and by which keys it is found up to date; :mod:`copypatch.steps` carries it out.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from copypatch import cases as case_splitter
from copypatch import expansion as expander
from copypatch import readobj, stages, tree_flags
from copypatch import template as templates
from copypatch.cases import Case
from copypatch.dialects import Flag, Step, own_code_digest, reproducible_flags, steps_identity
from copypatch.errors import CasesError, TreeError
from copypatch.expansion import SHARED_OPCODE, Expansion, Inputs, Parts, Unit
from copypatch.files import digest, make_folder, read_text
from copypatch.keys import Key
from copypatch.manifest import Ledger
from copypatch.marks import COMMON, NOBODY, PREFIX
from copypatch.paths import PREFIX_HEADER, Paths
from copypatch.process import Runner
from copypatch.template import OPCODE_MACRO, Template, UopSource
from copypatch.toolchain import Toolchain
from copypatch.tree_engine import Settings, TreeEngine
from copypatch.trees import Tree
from copypatch.triples import Target

OBJDUMP_ARGUMENTS = ("--disassemble", "--reloc")
# The one field of an object's key that its assembly does not depend on.
PASSES = "passes"


@dataclass(frozen=True)
class Request:
    """One header that is asked for.

    *cflags* are the user's flags, *cflags_text* the same as they were written. *identity* is the digest of the
    toolchain's programs; *out* takes the finished header. *shards*: many sources may share a clang process.
    """

    tree: Tree
    target: Target
    debug: bool
    cflags: tuple[str, ...]
    cflags_text: str
    toolchain: Toolchain
    identity: str
    out: Path
    shards: bool = True

    @property
    def name(self) -> str:
        """The target and kind of build, as messages and folders name it."""
        return f"{self.target.triple}-{'debug' if self.debug else 'release'}"

    @cached_property
    def paths(self) -> Paths:
        """Where the artefacts are."""
        return Paths(self.out / "uops" / self.name)

    @property
    def header(self) -> Path:
        """The finished header of the target."""
        return self.out / self.tree.dialect.header_name(self.target)

    @property
    def entry(self) -> str:
        """The name of the group that enters a trace."""
        return self.tree.dialect.entry

    def steps(self, opname: str) -> tuple[Step, ...]:
        """Return the runs of the compiler that make a group's object; none where the group is empty."""
        dialect = self.tree.dialect
        choose = dialect.entry_steps if opname == self.entry else dialect.steps
        return choose(self.target.platform)

    @cached_property
    def engine(self) -> TreeEngine:
        """The tree's own passes, in a process that starts when it is first needed. Raises TreeError without any."""
        steps = self.tree.dialect.steps(self.target.platform)
        arguments = {
            **{step.suffix: self._generators_words(step) for step in steps if not step.passes},
            "shim": reproducible_flags(self.target.platform),
            "llvm-readobj": readobj.ARGUMENTS,
            "llvm-objdump": OBJDUMP_ARGUMENTS,
        }
        return TreeEngine(replace(self._engine_settings, arguments=arguments))

    @cached_property
    def _engine_settings(self) -> Settings:
        """What the tree's own passes are told, but for what copypatch runs the tools with. Raises TreeError."""
        dialect, pyconfig, tools = self.tree.dialect, self.tree.sources.pyconfig, self.toolchain
        if dialect.passes is None or pyconfig is None:
            raise TreeError(f"CPython {self.tree.version} has no passes of its own")
        steps = dialect.steps(self.target.platform)
        return Settings(
            passes=dialect.passes,
            triple=self.target.triple,
            entry="" if dialect.linked_entry else self.entry,
            debug=self.debug,
            cflags=self.cflags_text,
            pyconfig=pyconfig,
            arguments={},
            edits={step.suffix: (step.sample, step.edit(step.sample)) for step in steps if step.edit is not None},
            programs={
                "clang": tools.clang,
                "llvm-readobj": tools.readobj,
                "llvm-objdump": tools.objdump,
                "llvm-dwarfdump": tools.sibling("llvm-dwarfdump"),
            },
            bytecode=self.out.resolve() / "uops" / "bytecode",
        )

    def _generators_words(self, step: Step) -> list[str]:
        """Return what the tree's generator says to the compiler in a step, but for files and the user's flags."""
        flags = [self.target_flag] if step.assembles else [flag.argument() for flag in self.flags if not flag.ours]
        return [*flags, *step.flags]

    def begin_engine(self) -> None:
        """Start the process of the tree's own passes, where the tree has any, for whoever needs it first."""
        if self.tree.dialect.passes is not None:
            self.engine.begin()

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """The compiler flags that all uops share, but for the user's. Raises TreeError, OutputError."""
        dialect, sources = self.tree.dialect, self.tree.sources
        stated = dialect.flags(sources, self.target, self.debug)
        if dialect.passes is None or sources.pyconfig is None:
            return stated
        steps, folders = dialect.steps(self.target.platform), {"tree": sources.root, "pyconfig": sources.pyconfig}
        return tree_flags.asked(self._engine_settings, steps, stated, folders, self.paths.flags)

    @property
    def target_flag(self) -> str:
        """The flag that says the target, which is all that the assembler is told."""
        return f"--target={self.target.triple}"

    @cached_property
    def rules(self) -> str:
        """A digest of all that makes a fragment of an object: our code, and what the dialect says."""
        dialect = self.tree.dialect
        made_by = [stages.digest_of(stage) for stage in ("sections", "holes", "fragment")]
        if dialect.code:
            made_by.append(own_code_digest(dialect))
        if dialect.passes is not None:
            made_by.append(dialect.passes.fragment)
        return digest(repr([dialect.name, dialect.stencil, dialect.text, self.target.platform, made_by]))

    def command(self, *arguments: str) -> list[str]:
        """Return a clang command; the user's flags come last, to override any other."""
        return [
            str(self.toolchain.clang),
            *(flag.argument() for flag in self.flags),
            *arguments,
            *self.cflags,
        ]

    def prefix_command(self) -> list[str]:
        """Return the command that precompiles the include block, run in the folder of the sources."""
        return self.command(
            f"-D{OPCODE_MACRO}={SHARED_OPCODE}",
            "-x",
            "c-header",
            "-o",
            self.paths.precompiled.name,
            PREFIX_HEADER,
        )

    def expand_command(self) -> list[str]:
        """Return the command that expands uops, but for what the preprocessor is to do."""
        return self.command(f"-D{OPCODE_MACRO}={SHARED_OPCODE}")

    def first_lines(self) -> list[str]:
        """Return the first lines of the header: two, and what the dialect has besides.

        The two are the digest that the tree's generator would write, and a command that is the same on every
        machine. Raises OSError.
        """
        digest = self.tree.dialect.digest(self.tree.sources, self.target, self.debug, self.cflags_text)
        return [f"// {digest}", self.command_line([self.target]), *self.tree.dialect.preamble]

    def command_line(self, targets: Sequence[Target]) -> str:
        """Return the comment that says how headers for *targets* are asked for, without a path."""
        variables = [f"target={','.join(target.triple for target in targets)}"]
        if self.debug:
            variables.append("debug=1")
        if self.cflags_text:
            variables.append(f"cflags={shlex.quote(self.cflags_text)}")
        return f"// $ scons {' '.join(variables)}"


@dataclass(frozen=True)
class UopTexts:
    """The texts that a header is made from, taken apart."""

    template: Template
    cases: tuple[Case, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Case]:
        """The cases by the names of their uops."""
        return {case.opname: case for case in self.cases}


@dataclass(frozen=True)
class Plan:
    """A request, the texts it is carried out with, and what the preprocessor made of them."""

    request: Request
    texts: UopTexts
    expansion: Expansion

    @property
    def paths(self) -> Paths:
        """Where the artefacts are."""
        return self.request.paths

    @cached_property
    def ledger(self) -> Ledger:
        """What is known of the artefacts."""
        return Ledger(self.paths.manifest)

    @cached_property
    def opnames(self) -> tuple[str, ...]:
        """All groups of the header in its order, the entry among them."""
        return tuple(self.request.tree.dialect.order(self.texts.cases, self.request.entry))

    def source(self, opname: str) -> UopSource:
        """Return the C text of a uop. Raises CasesError where there is no such uop, TemplateError."""
        template, case = self.texts.template, self.texts.by_name.get(opname)
        if case is None:
            raise CasesError(f"{self.request.tree.sources.cases}: there is no case {opname} in it")
        if not self.expansion.shares_prefix:
            template = Template(template.path, "", 0, template.prefix + template.rest)
        tree = self.request.tree
        return tree.dialect.insert(template, case, tree.sources.cases)

    def cost(self, opname: str) -> int:
        """Return an estimate of what compiling a group takes, in arbitrary units."""
        if opname == self.request.entry:
            # It reads its headers as text, which takes as long as ten uops.
            return 20_000
        # Most of it is the same for all: reading the include block. The rest grows with the case.
        return 1000 + len(self.texts.by_name[opname].text)

    def uses_prefix(self, opname: str) -> bool:
        """Tell whether a group is compiled with the precompiled include block."""
        return opname != self.request.entry and self.expansion.shares_prefix

    def compile_command(self, opname: str, step: Step, source: str, output: str) -> list[str]:
        """Return the command of one step; paths as they are to stand in it, run in the folder of *source*."""
        shared: tuple[str, ...] = ()
        if opname == self.request.entry:
            shared = (f"-D{OPCODE_MACRO}={opname}",)
        elif source.endswith(".c") and self.uses_prefix(opname):
            shared = (f"-D{OPCODE_MACRO}={SHARED_OPCODE}", "-include-pch", str(self.paths.precompiled))
        if step.assembles:
            reproducible = reproducible_flags(self.request.target.platform)
            clang = str(self.request.toolchain.clang)
            return [clang, self.request.target_flag, *step.flags, *reproducible, "-o", output, source]
        # The numbers in the margin of a message would be those of our file, not of the user's.
        quiet = "-fno-diagnostics-show-line-numbers"
        always = (quiet, *reproducible_flags(self.request.target.platform))
        return self.request.command(*shared, *step.flags, *always, "-o", output, source)

    def key(self, opname: str) -> Key | None:
        """Return the key of a group's object, or None where its text could not be expanded."""
        return self._key("object", opname)

    def fragment_key(self, opname: str) -> Key | None:
        """Return the key of a group's fragment: the object's fields, and all that turns it into a fragment."""
        return self._key("fragment", opname)

    @property
    def rules(self) -> str:
        """A digest of all that makes a fragment of an object."""
        return self.request.rules

    @cached_property
    def _shared_keys(self) -> dict[tuple[str, bool], Key]:
        """What the keys of all groups begin with, by kind, and for the entry or for uops."""
        request = self.request
        flags = [flag.symbolic() for flag in request.flags]
        flags += [*reproducible_flags(request.target.platform), *request.cflags]
        passes, keys = request.tree.dialect.passes, {}
        for kind, is_entry in itertools.product(("object", "fragment"), (False, True)):
            key = Key(kind)
            key.add("compiler", request.identity)
            key.add("dialect", request.tree.dialect.name)
            key.add("flags", "\0".join(flags))
            if not is_entry:
                key.add("prefix", self.expansion.digests.get(PREFIX, ""))
                key.add("template", self.expansion.digests.get(COMMON, ""))
                if passes is not None and passes.assembly:
                    key.add(PASSES, passes.assembly)
            if kind == "fragment":
                key.add("rules", self.rules)
            keys[kind, is_entry] = key
        return keys

    def _key(self, kind: str, opname: str) -> Key | None:
        request, digests = self.request, self.expansion.digests
        steps = request.steps(opname)
        is_entry = opname == request.entry
        # Where every uop's text holds all cases, the template's expansion says it all.
        part = COMMON if request.tree.dialect.whole and not is_entry else opname
        needed = (part,) if is_entry else (part, PREFIX, COMMON)
        if steps and any(name not in digests for name in needed):
            return None
        key = self._shared_keys[kind, is_entry].copy()
        key.add("steps", steps_identity(steps))
        key.add("uop", opname)
        if steps:
            key.add("text", digests[part])
        return key

    def own_text(self, opname: str) -> str:
        """Return a digest of what the user wrote for a group, before any expansion."""
        case = self.texts.by_name.get(opname)
        return digest(case.text) if case is not None else ""


def inputs_of(request: Request, cases: Sequence[Case], cases_text: str, template_text: str) -> Inputs:
    """Return digests of all that is expanded, but for the headers. Raises OSError."""
    by = [*request.expand_command(), request.identity]
    entry_text = read_text(request.tree.sources.entry)
    return Inputs(
        expander.inputs_digest(by, [cases_text, template_text, entry_text]),
        expander.inputs_digest(by, [template_text]),
        {} if request.tree.dialect.whole else {case.opname: digest(case.text) for case in cases},
        expander.inputs_digest(by, [entry_text]),
    )


def empty_text(request: Request, template: Template) -> str:
    """Return the template around an empty case. Raises TemplateError."""
    return request.tree.dialect.insert(template, Case(NOBODY, "", 1), request.tree.sources.cases).text


def make(request: Request, runner: Runner, *, stale: Callable[[], None] | None = None) -> Plan:
    """Make the plan of one header: split the cases, and expand what has changed since the last plan.

    *stale* is called before the preprocessor runs, where it is plain already that some uop has to be made: what a
    header changes the preprocessor tells. Raises CasesError, TemplateError, OutputError, OSError.
    """
    sources, dialect = request.tree.sources, request.tree.dialect
    cases_text, template_text = read_text(sources.cases), read_text(sources.template)
    cases = case_splitter.split(cases_text, sources.cases)
    texts = UopTexts(templates.split(template_text, sources.template), cases)
    # A template that takes no case is told at once, whatever is up to date.
    common = empty_text(request, texts.template)
    inputs = inputs_of(request, texts.cases, cases_text, template_text)
    expansion = expander.load(request.paths.expansion)
    if expansion is None or not expansion.is_current(inputs.all):
        known = expansion.units_of(inputs.template) if expansion is not None else {}
        units = [
            Unit(case.opname, dialect.insert(texts.template, case, sources.cases).text, expander.leaks(case.text))
            for case in cases
            if case.opname in inputs.units and known.get(case.opname) != inputs.units[case.opname]
        ]
        if stale is not None and units and (known or expansion is None):
            stale()
        alone = {request.entry: sources.entry} if request.steps(request.entry) else {}
        expansion = expander.expand(
            runner,
            request.expand_command(),
            make_folder(request.paths.folder / "expand"),
            Parts(texts.template.prefix, common, units, alone),
            inputs,
            folders=[flag.path for flag in request.flags if flag.path is not None],
            before=expansion,
        )
        expander.save(request.paths.expansion, expansion)
    return Plan(request, texts, expansion)

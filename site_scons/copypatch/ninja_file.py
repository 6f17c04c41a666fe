"""build.ninja: the edges of :mod:`copypatch.graph`, as rules and commands.

Steps that are one Python process for all uops are one edge here: what they read and write is what their edges in
the graph do. The compiler's edges stay as they are, each with its clang command.

All rules are `generator`: their outputs do not depend on the text of a command. What a command says (flags, the
compiler) is in the keys of the objects, and our code is an input of build.ninja itself.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from copypatch import depfile, dispatchers, records, variables
from copypatch.console import Console
from copypatch.dialects import before_passes
from copypatch.errors import NinjaError
from copypatch.files import make_folder, write_if_changed
from copypatch.graph import Edge, Graph, Work
from copypatch.identity import watched_files
from copypatch.ninja import places, requests, split, turns
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.session import Session, open_session, open_tree

_PACKAGE = Path(__file__).resolve().parent
_RUN = _PACKAGE / "ninja_run.py"
# Stands for a uop's name in a command that is made once for all.
_ANY = "@uop@"


def write(session: Session, templates: Path) -> None:
    """Write build.ninja and what its steps read. Raises NinjaError, OutputError, OSError."""
    out = make_folder(session.out)
    plans = {plan.request.name: plan for plan in session.plans}
    asked = requests.said(session.options, out)
    for plan in plans.values():
        _write_wrapper(plan)
        for folder in ("keys", "obj", "raw", "ll", "s"):
            make_folder(plan.paths.folder / folder)
        turns.settle(plan)
        places.write(f"{out}/{places.plan_folder(plan.request.name)}/expand/.keep", "")
    if not (out / places.TURN).exists():
        turns.take(out)
    write_if_changed(out / places.SETTINGS, records.pack(requests.record(plans, templates, asked)))
    words = ["regenerate", str(out), str(templates), *(f"{name}={value}" for name, value in asked.items())]
    text = _Writer(out).build_file(plans, session.dispatcher, words)
    write_if_changed(out / "uops" / "ninja.d", depfile.write("build.ninja", dict.fromkeys(_followed(session))))
    write_if_changed(out / "build.ninja", text)


def regenerate(out: str, templates: str, *said: str) -> None:
    """Do again what ``scons ninja`` did; *said* are its variables. Raises CopypatchError, OSError."""
    options = variables.parse(dict(word.split("=", 1) for word in said), Path("/"))
    tree = open_tree(options, Path(templates))
    runner = Runner(os.cpu_count() or 1)
    session = open_session(options, tree, Path(out), runner, Console.for_streams(), whole_chain=True, dry=True)
    write(session, Path(templates))
    for plan in session.plans:
        # What the split has to know may have changed; no rule says so, since build.ninja depends on the split.
        split.run(out, plan.request.name)


def _write_wrapper(plan: Plan) -> None:
    """Write the program that runs clang and tells its messages in the user's terms. Raises OutputError."""
    tell = shlex.join([*_python(), str(_RUN), "tell", str(plan.request.out), plan.request.name])
    wrapper, ready = _wrapper(plan), plan.request.out / places.ready_folder(plan.request.name)
    made = plan.paths.compiler_output("$uop", plan.request.steps("")).relative_to(plan.paths.folder)
    text = (
        "#!/bin/sh\n"
        "# Runs clang; what it says of a uop is told at the place where the user wrote it.\n"
        "# An object that is ready, see ninja/ready.py, is taken instead. The source is the last word.\n"
        "for source do :; done\n"
        "uop=${source#./} uop=${uop%.c}\n"
        f"plan={shlex.quote(str(plan.paths.folder))} ready={shlex.quote(str(ready))} made={made}\n"
        '[ "$ready/$made" -nt "$plan/src/$uop.c" ] && [ "$ready/$made" -nt "$plan/keys/$uop" ] && '
        'exec mv -f "$ready/$made" "$plan/$made"\n'
        f'said=$({shlex.quote(str(plan.request.toolchain.clang))} "$@" 2>&1)\n'
        "status=$?\n"
        f'[ -z "$said" ] || printf "%s\\n" "$said" | {tell}\n'
        "exit $status\n"
    )
    if write_if_changed(wrapper, text) or not os.access(wrapper, os.X_OK):
        wrapper.chmod(0o755)


def _wrapper(plan: Plan) -> Path:
    return plan.request.out / "uops" / "ninja" / plan.request.name / "clang"


def _python(*, bare: bool = True) -> list[str]:
    # Without site, which takes a third of Python's start; no step needs more than the standard library.
    return [sys.executable, "-S", "-P"] if bare else [sys.executable, "-P"]


def _followed(session: Session) -> Iterable[str]:
    """Yield the files on which build.ninja depends and that no edge makes: our code, LLVM, what tells a tree."""
    yield from map(str, sorted(_PACKAGE.rglob("*.py")))
    yield from map(str, watched_files(session.out / "uops" / "toolchain.json"))
    sources = session.tree.sources
    yield str(sources.template)
    if sources.pyconfig is not None:
        tools = sources.template.parent
        names = [sources.root / "Include" / "patchlevel.h", sources.root / "Python" / "jit.c"]
        yield from (str(path) for path in [*names, *sorted(tools.glob("*.py")), tools] if path.exists())


class _Writer:
    """Writes the text of one build.ninja."""

    def __init__(self, out: Path) -> None:
        try:
            from ninja import ninja_syntax
        except ImportError as error:
            raise NinjaError(
                f"the Python package ninja is missing ({error}); python3 bootstrap.py installs it, or pip does"
            ) from error
        self._out = str(out)
        self._text = StringIO()
        # Lines are for ninja, not for people: folding them would take most of the time.
        # Its stub asks for a name, its code for a stream.
        make: Any = ninja_syntax.Writer
        self._ninja = make(self._text, width=1 << 30)

    def build_file(self, plans: dict[str, Plan], dispatcher: Path | None, regenerate: Sequence[str]) -> str:
        """Return the text. *regenerate* is what the rule for build.ninja itself is to run."""
        writer = self._ninja
        writer.comment("Written by `scons ninja`, see docs/ninja.md. It makes itself anew when it has to.")
        # The first with deps that this file relies on: a log that knows when a command began.
        writer.variable("ninja_required_version", "1.11")
        writer.newline()
        self._rule("regenerate", regenerate, "build.ninja", depfile="uops/ninja.d", bare=False)
        opnames = [places.opnames_file(name) for name in plans]
        self._edge(["build.ninja", places.SETTINGS], "regenerate", [], implicit=opnames)
        for index, (name, plan) in enumerate(plans.items()):
            self._plan(f"_{index}" if index else "", name, plan)
        headers = [str(plan.request.header) for plan in plans.values()]
        if dispatcher is not None:
            self._rule("dispatch", ["dispatch", self._out], "jit_stencils.h")
            behind = [places.SETTINGS, places.TURN]
            picked = dispatchers.paths(dispatcher, list(plans.values()))
            self._edge(picked, "dispatch", [], implicit=behind, order_only=headers)
            headers += map(str, picked)
        writer.default([self._path(header) for header in headers])
        return self._text.getvalue()

    def _plan(self, suffix: str, name: str, plan: Plan) -> None:
        """Write the rules and edges of one header."""
        graph = Graph(plan)
        edges = list(graph.edges())
        settings = [places.SETTINGS, places.TURN]

        def rule(step: str, what: str, depfile: str = "") -> str:
            self._rule(f"{step}{suffix}", [step, self._out, name], f"{name}: {what}", depfile=depfile)
            return f"{step}{suffix}"

        sources = [edge for edge in edges if edge.work is Work.SOURCE]
        self._fused(
            rule("split", "sources"),
            sources,
            outputs=[places.opnames_file(name), places.texts_file(name)],
            # Not the settings: they depend on the list of uops.
            implicit=[
                *map(str, _modules("cases.py", "template.py", "marks.py", "ninja/split.py", "ninja/places.py"))
            ],
        )
        keys = [places.key_file(name, edge.opname) for edge in edges if edge.work is Work.COMPILE and edge.opname]
        tree = plan.request.tree.sources
        folders = [places.folders_file(name)]
        # That it reads the headers' file is no dependency: it wants to know what was searched last.
        self._edge(folders, rule("folders", "folders", places.folders_depfile(name)), [])
        self._fused(
            rule("headers", "headers", depfile=places.headers_depfile(name)),
            [edge for edge in edges if edge.work is Work.PREFIX],
            first=[places.headers_file(name)],
            outputs=keys,
            inputs=[tree.template, tree.entry],
            implicit=[*settings, *folders],
            order_only=[places.opnames_file(name)],
        )
        self._compile(suffix, name, plan, [edge for edge in edges if edge.work is Work.COMPILE])
        compiled = [opname for opname in plan.opnames if plan.request.steps(opname)]
        self._edge(
            # Not all that lies between: to look at it would take as long as all else.
            [*graph.merge.outputs, *(plan.paths.fragment(opname) for opname in plan.opnames)],
            rule("stencils", "header", depfile=places.stencils_depfile(name)),
            [plan.paths.compiler_output(opname, plan.request.steps(opname)) for opname in compiled],
            implicit=[tree.cases, tree.template, tree.entry, *settings],
            order_only=[places.headers_file(name), places.texts_file(name)],
        )
        self._ninja.newline()

    def _compile(self, suffix: str, name: str, plan: Plan, edges: Sequence[Edge]) -> None:
        """Write the edges of the compiler: a run of it for each step of each uop."""
        entry = plan.request.entry
        shapes = {
            opname == entry: before_passes(plan.request.steps(str(opname)))
            for opname in [edge.opname for edge in edges]
        }
        sample = next((str(edge.opname) for edge in edges if edge.opname != entry), entry)
        for is_entry, compile_steps in shapes.items():
            for index in range(len(compile_steps)):
                self._compile_rule(
                    _compile_rule(suffix, index, is_entry=is_entry), plan, entry if is_entry else sample, index
                )
        raws: dict[int, list[tuple[Path, Path]]] = {}
        for edge in edges:
            opname = str(edge.opname)
            compile_steps = before_passes(plan.request.steps(opname))
            source: list[Path] = [] if opname == entry else list(edge.inputs)
            for index, step in enumerate(compile_steps):
                final = step.suffix == ".o"
                output = plan.paths.object(opname) if final else plan.paths.intermediate(opname, step.suffix)
                made = output
                if step.edit is not None:
                    made = plan.paths.folder / "raw" / output.name
                    raws.setdefault(index, []).append((made, output))
                self._edge(
                    [made],
                    _compile_rule(suffix, index, is_entry=opname == entry),
                    source,
                    implicit=[places.key_file(name, opname)],
                    variables={"uop": opname},
                )
                source = [output]
        for index, pairs in raws.items():
            step_name = f"edit{index}{suffix}"
            self._rule(step_name, ["edit", self._out, name, str(index)], f"{name}: edit")
            self._edge(
                [output for _, output in pairs], step_name, [raw for raw, _ in pairs], implicit=[places.SETTINGS]
            )

    def _compile_rule(self, rule: str, plan: Plan, opname: str, index: int) -> None:
        is_entry = opname == plan.request.entry
        compile_steps = plan.request.steps(opname)
        step, paths = compile_steps[index], plan.paths
        named = opname if is_entry else _ANY
        if index:
            folder = paths.intermediate(named, compile_steps[index - 1].suffix).parent
            source = f"./{named}{compile_steps[index - 1].suffix}"
        elif is_entry:
            folder = plan.request.tree.sources.entry.parent
            source = str(plan.request.tree.sources.entry)
        else:
            folder, source = paths.source(named).parent, f"./{named}.c"
        output = paths.object(named) if step.suffix == ".o" else paths.intermediate(named, step.suffix)
        if step.edit is not None:
            output = paths.folder / "raw" / output.name
        # A source is named without its folder, for what the compiler takes from its name.
        command = plan.compile_command(opname, step, source, str(output))
        command = [str(_wrapper(plan)), "-working-directory", str(folder), *command[1:]]
        text = _escaped(shlex.join(command)).replace(f"'{_ANY}'", "$uop").replace(_ANY, "$uop")
        self._ninja.rule(rule, command=text, description=f"{plan.request.name}: $uop", generator=True)

    def _fused(
        self,
        rule: str,
        edges: Sequence[Edge],
        *,
        first: Sequence[Path | str] = (),
        outputs: Sequence[Path | str] = (),
        inputs: Sequence[Path | str] = (),
        implicit: Sequence[Path | str] = (),
        order_only: Sequence[Path | str] = (),
    ) -> None:
        """Write one edge for many of the graph, with what else it reads and writes."""
        made = list(dict.fromkeys([*first, *(path for edge in edges for path in edge.outputs), *outputs]))
        own = set(made)
        read = dict.fromkeys([*inputs, *(path for edge in edges for path in edge.inputs if path not in own)])
        self._edge(made, rule, list(read), implicit=implicit, order_only=order_only)

    def _edge(
        self,
        outputs: Sequence[Path | str],
        rule: str,
        inputs: Sequence[Path | str],
        *,
        implicit: Sequence[Path | str] = (),
        order_only: Sequence[Path | str] = (),
        variables: dict[str, str] | None = None,
    ) -> None:
        paths = [[self._path(path) for path in some] for some in (outputs, inputs, implicit, order_only)]
        self._ninja.build(paths[0], rule, paths[1], implicit=paths[2], order_only=paths[3], variables=variables)

    def _rule(
        self, name: str, words: Sequence[str], description: str, *, depfile: str = "", bare: bool = True
    ) -> None:
        """Write the rule of a step; all steps leave what has not changed as it is."""
        # exec: the step knows ninja as its parent, see owner.py.
        command = f"exec {shlex.join([*_python(bare=bare), str(_RUN), *words])}"
        self._ninja.rule(
            name,
            command=_escaped(command),
            description=_escaped(description),
            depfile=_escaped(depfile) or None,
            generator=True,
            restat=True,
        )

    def _path(self, path: Path | str) -> str:
        """Return a path as ninja_syntax is to get it: relative to the output folder if it is in it."""
        text = str(path).removeprefix(f"{self._out}/")
        if "\n" in text:
            raise NinjaError(f"{text!r}: ninja cannot take a name with a line's end in it; choose another folder")
        # ninja_syntax takes care of blanks and colons, and of a dollar before a blank.
        return re.sub(r"\$(?! )", "$$$$", text)


def _compile_rule(suffix: str, index: int, *, is_entry: bool) -> str:
    number = str(index) if index else ""
    return f"{'entry' if is_entry else 'compile'}{number}{suffix}"


def _escaped(text: str) -> str:
    return text.replace("$", "$$")


def _modules(*names: str) -> list[Path]:
    return [_PACKAGE / name for name in names]

"""The SCons tool: builders for every kind of node between a uop's C text and ``jit_stencils.h``.

    env = Environment(tools=["copypatch"])
    session = env.StencilSession(cpython="../cpython", debug="1")    # or {} for the embedded templates
    headers = env.JitStencils(session)                               # everything, the chain of each uop included

The pseudo-builder declares, for each target, the nodes that docs/architecture.md draws. Each kind of node has a
builder of its own (UopSource, UopPrefix, UopObject, UopSections, UopHoles, UopFragment, StencilHeader,
StencilDispatcher), which works in an environment whose STENCIL_PLAN is a plan of the session.

What is done is described by the library (``copypatch.steps``); here it is said only what depends on what.
"""

from __future__ import annotations

import atexit
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import SCons.Action
import SCons.Builder
import SCons.Errors
import SCons.Script

# SCons files a tool's module under the tool's name, which is our library's name too. Being the library's package
# as well keeps `copypatch.*` importable, wherever this file was loaded from.
__path__ = [str(Path(__file__).resolve().parent.parent / "copypatch")]

from copypatch import cache_report, stages, steps, variables
from copypatch.console import Console
from copypatch.errors import CopypatchError
from copypatch.freshness import Verdict
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.session import Header, Session, open_session, open_store, open_tree
from copypatch.verify import compare_alone, compare_with_generator

_PROJECT = Path(__file__).resolve().parent.parent.parent
_TEMPLATES = _PROJECT / "uop_templates"

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any
_Step = Callable[[Session, Plan, list[str]], None]


def exists(_env: Environment) -> bool:
    """Tell SCons that the tool can be used."""
    return True


def generate(env: Environment) -> None:
    """Add the builders and methods to an environment."""
    console = env.get("STENCIL_CONSOLE") or Console.for_streams()
    env["STENCIL_CONSOLE"] = console
    env["BUILDERS"].update(
        {
            "UopSource": _batch_builder(_write_sources, "writing C sources"),
            "UopPrefix": _builder(_precompile),
            "UopObject": _batch_builder(_compile, "compiling"),
            "UopSections": _batch_builder(_read_objects, "reading objects"),
            "UopHoles": _batch_builder(_write_holes, "making holes files"),
            "UopFragment": _batch_builder(_write_fragments, "writing fragments"),
            "StencilHeader": _builder(_merge),
            "StencilDispatcher": _builder(_dispatch),
        }
    )
    env.AddMethod(_stencil_session, "StencilSession")
    env.AddMethod(_jit_stencils, "JitStencils")
    env.AddMethod(_stencil_targets, "StencilTargets")
    env.AddMethod(_stencil_cache_commands, "StencilCacheCommands")
    env.AddMethod(_stencil_help, "StencilHelp")


# -- Builders ----------------------------------------------------------------------------------------------------


def _builder(function: Callable[..., int | None]) -> object:
    return SCons.Builder.Builder(action=SCons.Action.Action(function, cmdstr=None))


def _batch_builder(step: _Step, what: str) -> object:
    """A builder whose action gets all stale uops of a plan at once."""

    def act(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
        session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
        opnames = _stale(target)
        console.doing(f"{plan.request.name}: {what}", len(opnames))
        return _guarded(console, lambda: step(session, plan, opnames))

    # True: one batch per action and environment, so one per step and plan.
    action = SCons.Action.Action(act, cmdstr=None, batch_key=True, targets="$CHANGED_TARGETS")
    return SCons.Builder.Builder(action=action)


def _stale(target: Sequence[Node]) -> list[str]:
    """Return the uops of a batch that are out of date.

    SCons runs a batch for all of its targets as soon as one is stale; a Python action has to look for itself.
    """
    batches = target[0].get_executor().batches
    stale = (
        batch.targets[0]
        for batch in batches
        if any(node.always_build or not node.is_up_to_date() for node in batch.targets)
    )
    return [_opname(node) for node in stale]


def _opname(node: Node) -> str:
    return str(node.name).partition(".")[0]


def _guarded(console: Console, action: Callable[[], object]) -> int | None:
    """Run an action; a user's mistake is one message and a failed node, not a traceback."""
    try:
        action()
    except CopypatchError as error:
        console.error(str(error))
        return 1
    return None


def _write_sources(_session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_sources(plan, opnames)


def _precompile(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
    console.doing(f"{plan.request.name}: precompiling the include block")
    return _guarded(console, lambda: console.show(steps.precompile(plan, session.context.runner)))


def _compile(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.compile_objects(plan, opnames, session.context)


def _read_objects(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.read_objects(plan, opnames, session.context)


def _write_holes(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_holes(plan, opnames, session.context)


def _write_fragments(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_fragments(plan, opnames, session.context)


def _merge(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, plan, console = env["STENCIL_SESSION"], env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
    console.doing(f"{plan.request.name}: merging {plan.request.header.name}")
    return _guarded(console, lambda: steps.merge_header(plan, session.context))


def _dispatch(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, console = env["STENCIL_SESSION"], env["STENCIL_CONSOLE"]
    return _guarded(console, lambda: steps.write_dispatcher(Path(target[0].abspath), session.plans))


# -- Methods of the environment ----------------------------------------------------------------------------------


def _stencil_session(env: Environment, **said: str) -> Session:
    """Open a session with the variables of the command line (cpython=, target=, ...), as text.

    Relative paths are relative to the folder of the SConstruct. Raises SCons's StopError with our message for
    a user's mistake.
    """
    folder = Path(env.Dir("#").abspath)
    console = env["STENCIL_CONSOLE"]
    try:
        asked = variables.parse(said, folder)
        tree = open_tree(asked, _TEMPLATES)
        session = open_session(
            asked,
            tree,
            folder / "build",
            Runner(SCons.Script.GetOption("num_jobs")),
            console,
            whole_chain=_wants_whole_chain(asked),
            dry=bool(SCons.Script.GetOption("no_exec")),
        )
    except CopypatchError as error:
        raise SCons.Errors.StopError(f"copypatch: {error}") from error
    session.context.report.explain = asked.explain
    return session


def _wants_whole_chain(asked: variables.Options) -> bool:
    """Tell whether every node has to be declared: asked for, or to be named, shown or cleaned."""
    named = [target for target in SCons.Script.COMMAND_LINE_TARGETS if target not in TARGETS]
    return bool(
        asked.full_graph or named or SCons.Script.GetOption("clean") or SCons.Script.GetOption("tree_printers")
    )


def _jit_stencils(env: Environment, session: Session) -> list[Node]:
    """Declare all nodes of a session; return those of the finished headers."""
    headers = []
    whole_chain = _wants_whole_chain(session.options)
    for header in session.headers:
        if header.current and not whole_chain:
            headers.append(env.File(str(header.plan.request.header)))
            continue
        # Nodes of many uops: look for nothing, scan nothing, and let content decide.
        plan_env = env.Clone(STENCIL_SESSION=session, STENCIL_PLAN=header.plan, SCANNERS=[])
        plan_env.Decider(_changed)
        headers.append(_declare_header(plan_env, header, whole_chain=whole_chain))
    if session.dispatcher is not None:
        dispatch_env = env.Clone(STENCIL_SESSION=session)
        text = env.Value(steps.dispatcher_text(session.plans))
        headers.append(dispatch_env.StencilDispatcher(str(session.dispatcher), text)[0])
    return headers


def _changed(dependency: Node, target: Node, prev_ni: object, repo_node: Node | None = None) -> bool:
    """Decide whether a dependency makes a target stale: by content, but for what a key stands for already.

    The key of an object covers its source and the include block as the compiler sees them, so a comment in
    either leaves it alone. They have to be there before it all the same, hence the dependency.
    """
    if target.name.endswith(_COMPILED) and dependency.name.endswith(_COVERED_BY_KEY):
        return False
    return bool(dependency.changed_content(target, prev_ni, repo_node))


_COMPILED = (".o", ".ll")
_COVERED_BY_KEY = (".c", ".h", ".pch")


def _declare_header(env: Environment, header: Header, *, whole_chain: bool) -> Node:
    """Declare one target's nodes, as docs/architecture.md draws them; return the header's.

    A uop that is up to date is declared as its fragment alone, unless *whole_chain* is wanted.
    """
    plan = header.plan
    chain = _Chain(env, plan)
    fragments = []
    for opname in plan.opnames:
        decision = header.decisions[opname]
        if decision.verdict is not Verdict.STALE and not whole_chain:
            fragments.append(env.File(str(plan.paths.fragment(opname))))
        else:
            fragments.append(chain.declare(opname, from_scratch=decision.damaged))
    node = env.StencilHeader(str(plan.request.header), [*fragments, env.Value(steps.header_head(plan))])[0]
    if not header.current:
        # SCons knows that it built a header once; whether it still is that header, the manifest knows.
        env.AlwaysBuild(node)
    env.Clean(node, str(plan.paths.folder))
    return node


class _Chain:
    """Declares the chains of a plan's uops; what they share is declared once."""

    def __init__(self, env: Environment, plan: Plan) -> None:
        self._env = env
        self._plan = plan
        request = plan.request
        sources = request.tree.sources
        self._texts = [str(sources.template), str(sources.cases), env.Value(stages.digest_of("source"))]
        self._tools = env.Value(f"{request.identity} {stages.digest_of('sections')}")
        self._rules = env.Value(f"{request.tree.dialect.name} {stages.digest_of('holes')}")
        self._writer = env.Value(stages.digest_of("fragment"))
        self._prefix = self._declare_prefix() if plan.expansion.shares_prefix else []

    def declare(self, opname: str, *, from_scratch: bool) -> Node:
        """Declare a group's chain and return its fragment; *from_scratch*: whatever is there does not count."""
        env, paths = self._env, self._plan.paths
        nodes: list[Node] = []
        sections: list[Node] = []
        compile_steps = self._plan.request.steps(opname)
        if compile_steps:
            key = self._plan.key(opname)
            text = env.Value(key.hexdigest() if key is not None else "not expanded")
            outputs = [str(path) for path in paths.compiled(opname, compile_steps)]
            nodes += env.UopObject(outputs, [*self._source(opname), text])
            described = [str(paths.sections(opname)), str(paths.disassembly(opname))]
            sections = env.UopSections(described, [nodes[0], self._tools])
        holes = env.UopHoles(str(paths.holes(opname)), [*sections, self._rules])
        fragment = env.UopFragment(str(paths.fragment(opname)), [*holes, self._writer])
        if from_scratch:
            env.AlwaysBuild([*nodes, *sections, *holes, *fragment])
        return fragment[0]

    def _source(self, opname: str) -> list[Node]:
        if opname == self._plan.request.entry:
            return [self._env.File(str(self._plan.request.tree.sources.entry))]
        return [*self._env.UopSource(str(self._plan.paths.source(opname)), self._texts), *self._prefix]

    def _declare_prefix(self) -> list[Node]:
        """The include block, precompiled whenever a header's file changed in any way: clang insists on that."""
        paths, request, expansion = self._plan.paths, self._plan.request, self._plan.expansion
        state = [self._plan.texts.template.prefix, expansion.written, *request.prefix_command(), request.identity]
        outputs = [str(paths.precompiled), str(paths.prefix)]
        return list(self._env.UopPrefix(outputs, [self._env.Value("\0".join(state))]))


# -- Targets by name, and help -----------------------------------------------------------------------------------


def _verify(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, console = env["STENCIL_SESSION"], env["STENCIL_CONSOLE"]

    def compare() -> None:
        for plan in session.plans:
            console.doing(f"{plan.request.name}: verify: compiling a sample alone")
            count = compare_alone(plan, session.options.sample, session.context.runner)
            console.line(f"verify: {plan.request.name}: {count} uops compiled alone: identical")
        if session.options.cpython is None:
            console.line("verify: the embedded templates have no other generator to compare with")
            return
        console.doing("verify: running the tree's own generator")
        compare_with_generator(session.plans, session.dispatcher)
        names = ", ".join(plan.request.header.name for plan in session.plans)
        console.line(f"verify: {names}: identical to what the tree's own generator writes")

    return _guarded(console, compare)


def _run(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    """Run the demo on the user's terminal; it exits non-zero when the JIT and the interpreter differ."""
    env["STENCIL_CONSOLE"].line("")
    status = subprocess.run([source[0].abspath], check=False).returncode
    if status:
        env["STENCIL_CONSOLE"].error(f"run: the demo exited with status {status}")
    return status


def _stencil_cache_commands(env: Environment, **said: str) -> bool:
    """Carry out `cache-stats` and `cache-prune`; tell whether nothing else was asked for."""
    asked = [target for target in SCons.Script.COMMAND_LINE_TARGETS if target in _CACHE_TARGETS]
    if not asked:
        return False
    console = env["STENCIL_CONSOLE"]
    try:
        options = variables.parse(said, Path(env.Dir("#").abspath))
    except CopypatchError as error:
        raise SCons.Errors.StopError(f"copypatch: {error}") from error
    if "cache-prune" in asked:
        console.line(cache_report.prune(open_store(options, console)))
    if "cache-stats" in asked:
        console.line(cache_report.stats(open_store(options, console)))
    for target in asked:
        # The work is done; SCons is left with a target that has nothing to do.
        env.Alias(target)
    return len(asked) == len(SCons.Script.COMMAND_LINE_TARGETS)


_CACHE_TARGETS: Mapping[str, str] = {
    "cache-stats": "say where the cache is, what is in it and how large it may grow",
    "cache-prune": "drop what was used least recently until the cache is within its limit",
}
TARGETS: Mapping[str, str] = {
    "(none)": "build the headers",
    "run": "embedded templates: build and run the demo, which checks the JIT against the interpreter",
    "verify": "compile a sample alone, run the tree's own generator, and compare byte for byte",
    **_CACHE_TARGETS,
}


def _stencil_targets(env: Environment, session: Session, headers: Sequence[Node]) -> None:
    """Declare the targets that are asked for by name, and the closing line of a build."""
    env = env.Clone(STENCIL_SESSION=session)
    env.AlwaysBuild(env.Alias("verify", headers, SCons.Action.Action(_verify, cmdstr=None)))
    if "run" in SCons.Script.COMMAND_LINE_TARGETS:
        if session.options.cpython is not None:
            raise SCons.Errors.StopError("copypatch: run: the demo runs the embedded templates; leave out cpython=")
        demo = env.SConscript(str(_TEMPLATES / "SConscript"), exports={"headers": headers, "session": session})
        env.AlwaysBuild(env.Alias("run", demo, SCons.Action.Action(_run, cmdstr=None)))
    atexit.register(_close, session)


def _close(session: Session) -> None:
    report = session.context.report
    if SCons.Script.GetOption("no_exec"):
        for line in report.forecast():
            report.console.line(line)
    elif not SCons.Script.GetOption("clean"):
        report.console.line(report.line(done=not SCons.Script.GetBuildFailures()))


def _stencil_help(_env: Environment) -> str:
    """Return the text of `scons -h`: the variables and targets."""
    lines = ["usage: scons [-jN] [variable=value ...] [target ...]", "", "variables:"]
    forms = {f"{variable.name}={variable.shown}": variable for variable in variables.VARIABLES}
    lines += [
        f"  {form:<18} {variable.help}{f' (default: {variable.default})' if variable.default else ''}"
        for form, variable in forms.items()
    ]
    lines += ["", "targets:", *(f"  {name:<18} {text}" for name, text in TARGETS.items()), ""]
    lines += ["`scons -H` lists SCons's own options.", ""]
    return "\n".join(lines)

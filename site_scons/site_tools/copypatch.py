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

from copypatch import stages, steps, variables
from copypatch.console import Console
from copypatch.errors import CopypatchError
from copypatch.files import digest
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.session import Session, open_session, open_tree
from copypatch.verify import verify

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
    return _guarded(console, lambda: console.show(steps.precompile(plan, session.runner)))


def _compile(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.compile_objects(plan, opnames, session.runner, session.report)


def _read_objects(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.read_objects(plan, opnames, session.runner)


def _write_holes(session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_holes(plan, opnames, session.report)


def _write_fragments(_session: Session, plan: Plan, opnames: list[str]) -> None:
    steps.write_fragments(plan, opnames)


def _merge(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    plan, console = env["STENCIL_PLAN"], env["STENCIL_CONSOLE"]
    console.doing(f"{plan.request.name}: merging {plan.request.header.name}")
    return _guarded(console, lambda: steps.merge_header(plan))


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
        runner = Runner(SCons.Script.GetOption("num_jobs"))
        return open_session(asked, tree, folder / "build", runner, console)
    except CopypatchError as error:
        raise SCons.Errors.StopError(f"copypatch: {error}") from error


def _jit_stencils(env: Environment, session: Session) -> list[Node]:
    """Declare all nodes of a session; return those of the finished headers."""
    headers = []
    for plan in session.plans:
        # Nodes of many uops: look for nothing, scan nothing, and let content decide.
        plan_env = env.Clone(STENCIL_SESSION=session, STENCIL_PLAN=plan, SCANNERS=[])
        plan_env.Decider(_changed)
        headers.append(_declare_header(plan_env, plan))
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


def _declare_header(env: Environment, plan: Plan) -> Node:
    """Declare one target's nodes, as docs/architecture.md draws them; return the header's."""
    request, paths = plan.request, plan.paths
    sources = request.tree.sources
    texts = [str(sources.template), str(sources.cases), env.Value(stages.digest_of("source"))]
    tools = env.Value(f"{request.identity} {stages.digest_of('sections')}")
    rules = env.Value(f"{request.tree.dialect.name} {stages.digest_of('holes')}")
    writer = env.Value(stages.digest_of("fragment"))
    prefix = _declare_prefix(env, plan) if plan.expansion.shares_prefix else []
    fragments = []
    for opname in plan.opnames:
        if request.steps(opname):
            source = [str(sources.entry)]
            if opname != request.entry:
                source = [*env.UopSource(str(paths.source(opname)), texts), *prefix]
            outputs = [str(path) for path in paths.compiled(opname, request.steps(opname))]
            compiled = env.UopObject(outputs, [*source, env.Value(_key_text(plan, opname))])
            if plan.key(opname) is None:
                env.AlwaysBuild(compiled)
            described = [str(paths.sections(opname)), str(paths.disassembly(opname))]
            sections = env.UopSections(described, [compiled[0], tools])
        else:
            sections = []
        holes = env.UopHoles(str(paths.holes(opname)), [*sections, rules])
        fragments += env.UopFragment(str(paths.fragment(opname)), [*holes, writer])
    head = env.Value("\n".join([*request.first_lines(), *plan.opnames, stages.digest_of("merge")]))
    header = env.StencilHeader(str(request.header), [*fragments, head])[0]
    env.Clean(header, str(paths.folder))
    return header


def _key_text(plan: Plan, opname: str) -> str:
    key = plan.key(opname)
    return key.hexdigest() if key is not None else "not expanded"


def _declare_prefix(env: Environment, plan: Plan) -> list[Node]:
    """The include block, precompiled whenever a header's file changed in any way: clang insists on that."""
    paths, request = plan.paths, plan.request
    state = f"{digest(plan.texts.template.prefix)} {plan.expansion.written} {request.prefix_command()}"
    state = f"{state} {request.identity}"
    return list(env.UopPrefix([str(paths.precompiled), str(paths.prefix)], [env.Value(state)]))


# -- Targets by name, and help -----------------------------------------------------------------------------------


def _verify(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, console = env["STENCIL_SESSION"], env["STENCIL_CONSOLE"]

    def compare() -> None:
        verify(session.plans, session.dispatcher)
        names = ", ".join(plan.request.header.name for plan in session.plans)
        console.line(f"verify: {names}: identical to what the tree's own generator writes")

    console.doing("verify: running the tree's own generator")
    return _guarded(console, compare)


def _run(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    """Run the demo on the user's terminal; it exits non-zero when the JIT and the interpreter differ."""
    env["STENCIL_CONSOLE"].line("")
    status = subprocess.run([source[0].abspath], check=False).returncode
    if status:
        env["STENCIL_CONSOLE"].error(f"run: the demo exited with status {status}")
    return status


TARGETS: Mapping[str, str] = {
    "(none)": "build the headers",
    "run": "embedded templates: build and run the demo, which checks the JIT against the interpreter",
    "verify": "run the tree's own generator and compare byte for byte",
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
    # A dry run builds nothing, and asking for help or cleaning is no build.
    if not any(SCons.Script.GetOption(option) for option in ("help", "clean", "no_exec")):
        done = not SCons.Script.GetBuildFailures()
        session.report.console.line(session.report.line(done=done))


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

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

import sys
from pathlib import Path
from typing import Any

import SCons.Errors
import SCons.Script

_SITE = Path(__file__).resolve().parent.parent
# SCons files a tool's module under the tool's name, which is our library's name too. Being the library's package
# as well keeps `copypatch.*` importable, wherever this file was loaded from.
__path__ = [str(_SITE / "copypatch")]
# Another project may have found this tool by toolpath=; its own site_scons comes first all the same.
if str(_SITE) not in sys.path:
    sys.path.append(str(_SITE))

from copypatch import variables
from copypatch.console import Console
from copypatch.errors import CopypatchError, OptionError
from copypatch.process import Runner
from copypatch.session import Session, open_session, open_tree
from copypatch.trees import Tree
from site_tools.copypatch_actions import builders
from site_tools.copypatch_database import use_database
from site_tools.copypatch_embed import embed_commands
from site_tools.copypatch_graph import changed, declare_dispatcher, declare_header, file_node
from site_tools.copypatch_targets import TARGETS, TEMPLATES, cache_commands, help_text, named_targets

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any


def exists(_env: Environment) -> bool:
    """Tell SCons that the tool can be used."""
    return True


def generate(env: Environment) -> None:
    """Add the builders and methods to an environment."""
    env["STENCIL_CONSOLE"] = env.get("STENCIL_CONSOLE") or Console.for_streams()
    env["BUILDERS"].update(builders())
    env.AddMethod(_stencil_session, "StencilSession")
    env.AddMethod(_stencil_database, "StencilDatabase")
    env.AddMethod(_jit_stencils, "JitStencils")
    env.AddMethod(named_targets, "StencilTargets")
    env.AddMethod(cache_commands, "StencilCacheCommands")
    env.AddMethod(embed_commands, "StencilEmbedCommands")
    env.AddMethod(help_text, "StencilHelp")


def _stencil_session(env: Environment, tree: Tree | None = None, **said: str) -> Session:
    """Open a session with the variables of the command line (cpython=, target=, ...), as text.

    *tree* are another VM's own templates (copypatch.trees.own_tree), instead of what cpython= says. Relative
    paths are relative to the folder of the SConstruct. Raises SCons's StopError with our message for
    a user's mistake.
    """
    folder = Path(env.Dir("#").abspath)
    console = env["STENCIL_CONSOLE"]
    try:
        asked = variables.parse(said, folder)
        if tree is not None and asked.cpython is not None:
            raise OptionError(f"cpython={said['cpython']}: there is nothing to choose, {tree.name} is built here")
        tree = tree or open_tree(asked, TEMPLATES)
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


def _stencil_database(_env: Environment, session: Session) -> None:
    """Put SCons's database into the session's output folder, or do without one where it is of no use."""
    remember = _wants_whole_chain(session.options) or "run" in SCons.Script.COMMAND_LINE_TARGETS
    use_database(session.out / "uops", remember=remember)


def _jit_stencils(env: Environment, session: Session) -> list[Node]:
    """Declare all nodes of a session; return those of the finished headers."""
    try:
        return _declare(env, session)
    except TypeError as error:
        # SCons found a folder where a file is to be, or a file in a folder's place.
        raise SCons.Errors.StopError(
            f"copypatch: {error} Remove it, or choose another output folder with out=DIR."
        ) from error


def _declare(env: Environment, session: Session) -> list[Node]:
    headers = []
    whole_chain = _wants_whole_chain(session.options)
    for header in session.headers:
        if header.current and not whole_chain:
            headers.append(file_node(env, header.plan.request.header))
            continue
        # Nodes of many uops: look for nothing, scan nothing, and let content decide.
        plan_env = env.Clone(STENCIL_SESSION=session, STENCIL_PLAN=header.plan, SCANNERS=[])
        plan_env.Decider(changed)
        headers.append(declare_header(plan_env, header, whole_chain=whole_chain))
    if session.dispatcher is not None:
        dispatch_env = env.Clone(STENCIL_SESSION=session)
        headers.append(declare_dispatcher(dispatch_env, session, session.dispatcher, list(headers)))
    return headers

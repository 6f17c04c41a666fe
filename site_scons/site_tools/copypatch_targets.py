"""The targets that are asked for by name, the closing line of a build, and the help."""

from __future__ import annotations

import atexit
import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import SCons.Action
import SCons.Errors
import SCons.Script

from copypatch import cache_report, ninja_file, variables
from copypatch.errors import CopypatchError
from copypatch.session import Session, open_store
from copypatch.verify import compare_alone, compare_with_generator
from site_tools import copypatch_reports
from site_tools.copypatch_actions import guarded
from site_tools.copypatch_embed import EMBED_TARGETS

# The embedded templates, which are built where no CPython tree is named.
TEMPLATES = Path(__file__).resolve().parent.parent.parent / "uop_templates"

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any


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

    return guarded(console, compare)


def _ninja(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    session, console = env["STENCIL_SESSION"], env["STENCIL_CONSOLE"]

    def write() -> None:
        ninja_file.write(session, TEMPLATES)
        console.line(f"ninja: {session.out}/build.ninja is written; build with: ninja -C {session.out}")

    return guarded(console, write)


def _run(target: Sequence[Node], source: Sequence[Node], env: Environment) -> int | None:
    """Run the demo on the user's terminal; it exits non-zero when the JIT and the interpreter differ."""
    env["STENCIL_CONSOLE"].line("")
    status = subprocess.run([source[0].abspath], check=False).returncode
    if status:
        env["STENCIL_CONSOLE"].error(f"run: the demo exited with status {status}")
    return status


def cache_commands(env: Environment, **said: str) -> bool:
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
    "ninja": "write build.ninja into the output folder; `ninja -C` it builds the same headers",
    "verify": "compile a sample alone, run the tree's own generator, and compare byte for byte",
    **EMBED_TARGETS,
    **copypatch_reports.TARGETS,
    **_CACHE_TARGETS,
}


def named_targets(env: Environment, session: Session, headers: Sequence[Node]) -> None:
    """Declare the targets that are asked for by name, and the closing line of a build."""
    env = env.Clone(STENCIL_SESSION=session)
    copypatch_reports.declare_reports(env, session, headers, TEMPLATES, SCons.Script.COMMAND_LINE_TARGETS)
    env.AlwaysBuild(env.Alias("verify", headers, SCons.Action.Action(_verify, cmdstr=None)))
    env.AlwaysBuild(env.Alias("ninja", [], SCons.Action.Action(_ninja, cmdstr=None)))
    if "run" in SCons.Script.COMMAND_LINE_TARGETS:
        if session.options.cpython is not None:
            raise SCons.Errors.StopError("copypatch: run: the demo runs the embedded templates; leave out cpython=")
        demo = env.SConscript(str(TEMPLATES / "SConscript"), exports={"headers": headers, "session": session})
        env.AlwaysBuild(env.Alias("run", demo, SCons.Action.Action(_run, cmdstr=None)))
    atexit.register(_close, session)


def _close(session: Session) -> None:
    # Everything is built by now: an interrupt costs what the reports remember, and is no traceback.
    with contextlib.suppress(KeyboardInterrupt):
        _say_and_remember(session)


def _say_and_remember(session: Session) -> None:
    report = session.context.report
    if SCons.Script.GetOption("no_exec"):
        for line in report.forecast():
            report.console.line(line)
    elif not SCons.Script.GetOption("clean") and set(SCons.Script.COMMAND_LINE_TARGETS) != {"ninja"}:
        closing = report.line(done=not SCons.Script.GetBuildFailures())
        copypatch_reports.remember(session, closing)
        report.console.line(closing)


def help_text(_env: Environment) -> str:
    """Return the text of `scons -h`: the variables and targets."""
    lines = ["usage: scons [-jN] [variable=value ...] [target ...]", "", "variables:"]
    forms = {f"{variable.name}={variable.shown}": variable for variable in variables.VARIABLES}
    width = max(map(len, forms))
    lines += [
        f"  {form:<{width}} {variable.help}{f' (default: {variable.default})' if variable.default else ''}"
        for form, variable in forms.items()
    ]
    lines += ["", "targets:", *(f"  {name:<{width}} {text}" for name, text in TARGETS.items()), ""]
    lines += ["`scons -H` lists SCons's own options.", ""]
    return "\n".join(lines)

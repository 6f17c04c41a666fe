"""What ``scons ninja`` was asked for, as text for the rules, and back from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from copypatch import expansion as expander
from copypatch import stages, steps, variables
from copypatch import template as templates
from copypatch.cases import split as split_cases
from copypatch.errors import NinjaError
from copypatch.files import read_text
from copypatch.ninja import places, split
from copypatch.plan import Plan, Request, UopTexts
from copypatch.toolchain import Toolchain
from copypatch.trees import cpython_tree, embedded_tree
from copypatch.variables import Options


def said(options: Options, out: Path) -> dict[str, str]:
    """Return the variables that ask for the same once more, with absolute paths."""
    values = {
        "cpython": options.cpython,
        "pyconfig": options.pyconfig,
        "target": ",".join(target.triple for target in options.targets),
        "debug": int(options.debug),
        "cflags": options.cflags_text,
        "llvm": options.llvm_prefix or options.llvm_major,
        "out": out,
        "engine": options.engine,
        "shards": "auto" if options.shards else "off",
        "cache": "off",
    }
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


def record(plans: Mapping[str, Plan], templates_folder: Path, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return all that the steps have to know, for the settings' file."""
    request = next(iter(plans.values())).request
    tools = request.toolchain
    return {
        "said": dict(asked),
        "templates": str(templates_folder),
        "toolchain": [str(tools.clang), str(tools.readobj), str(tools.objdump), tools.version],
        "identity": request.identity,
        # By which the steps are run again when they are no longer the same.
        "code": stages.digest_of_all(),
        "plans": {name: _plan_record(plan) for name, plan in plans.items()},
    }


def _plan_record(plan: Plan) -> dict[str, Any]:
    compiled = [opname for opname in plan.opnames if plan.request.steps(opname)]
    # The entry goes a way of its own only where its object is made by a command, too.
    made = plan.paths.compiler_output("", plan.request.steps(""))
    return {
        **split.settings(plan),
        "compiled": compiled,
        "worker": None if plan.request.tree.dialect.passes is None else plan.request.engine.line(),
        "compiler output": [made.parent.name, made.name],
        "describe": steps.describing_commands(plan.request.toolchain),
        "prefix": plan.request.prefix_command(),
        "expand": [*plan.request.expand_command(), "-E", "-P"],
    }


def load(out: str, name: str) -> Request:
    """Return the request of a plan. Raises NinjaError, and what a tree that has changed raises."""
    places.settings(out, name)
    settings = places.load(f"{out}/{places.SETTINGS}")
    options = variables.parse(settings["said"], Path("/"))
    if options.cpython is None:
        tree = embedded_tree(Path(settings["templates"]))
    else:
        tree = cpython_tree(options.cpython, options.pyconfig, options.engine)
    clang, readobj, objdump, version = settings["toolchain"]
    tools = Toolchain(Path(clang), Path(readobj), Path(objdump), version)
    requests = [
        Request(
            tree=tree,
            target=target,
            debug=options.debug,
            cflags=options.cflags,
            cflags_text=options.cflags_text,
            toolchain=tools,
            identity=settings["identity"],
            out=Path(out),
            shards=options.shards,
        )
        for target in options.targets
    ]
    return next(request for request in requests if request.name == name)


def plan(out: str, name: str) -> Plan:
    """Return a plan with the texts as they are now, and the last expansion.

    Raises NinjaError, CasesError, OSError, and what a tree that has changed raises.
    """
    request = load(out, name)
    expansion = expander.load(request.paths.expansion)
    if expansion is None:
        raise NinjaError(f"{request.paths.expansion}: lost or damaged; run `scons ninja` again")
    return Plan(request, texts(request), expansion)


def texts(request: Request) -> UopTexts:
    """Return the texts as they are now. Raises CasesError, OSError."""
    sources = request.tree.sources
    template = templates.split(read_text(sources.template), sources.template)
    return UopTexts(template, split_cases(read_text(sources.cases), sources.cases))

"""A session: one run of the tool, from the user's options to the plans of all headers asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from copypatch import plan as planner
from copypatch import trees
from copypatch.console import Console
from copypatch.errors import OptionError, OutputError
from copypatch.files import make_folder
from copypatch.identity import identify
from copypatch.plan import Plan, Request
from copypatch.process import Runner
from copypatch.report import Report
from copypatch.trees import Tree
from copypatch.variables import Options


@dataclass(frozen=True)
class Session:
    """The plans of a run, and where their headers go."""

    options: Options
    tree: Tree
    plans: tuple[Plan, ...]
    out: Path
    runner: Runner
    report: Report

    @property
    def dispatcher(self) -> Path | None:
        """The header that picks the target's, where the dialect has one."""
        return self.out / "jit_stencils.h" if self.tree.dialect.dispatches else None


def open_tree(options: Options, templates: Path) -> Tree:
    """Return the tree that the options ask for; *templates* are the embedded ones. Raises TreeError."""
    if options.cpython is None:
        return trees.embedded_tree(templates)
    return trees.cpython_tree(options.cpython, options.pyconfig)


def open_session(
    options: Options,
    tree: Tree,
    default_out: Path,
    runner: Runner,
    console: Console,
    *,
    search: Sequence[Path] | None = None,
) -> Session:
    """Find the toolchain and plan all headers.

    *default_out* is the folder under which the output folder is made where none is given. Raises
    CopypatchError.
    """
    kind = "debug" if options.debug else "release"
    out = options.out or default_out / f"{tree.version}-{kind}"
    if len(options.targets) > 1 and not tree.dialect.dispatches:
        raise OptionError(
            f"target={','.join(target.triple for target in options.targets)}: CPython {tree.version} has one "
            "header for one target; build them one at a time, each with its own out=DIR"
        )
    make_folder(out)
    report = Report(console)
    wanted = tree.dialect.llvm if options.llvm_prefix is None else None
    major = options.llvm_major if options.llvm_major is not None else wanted
    found = identify(
        major, options.llvm_prefix, tree.dialect.llvm_minimum, memory=out / "uops" / "toolchain.json", search=search
    )
    if tree.dialect.llvm is not None and found.toolchain.major != tree.dialect.llvm:
        console.warn(
            f"CPython {tree.version} asks for LLVM {tree.dialect.llvm}; building with {found.toolchain.version}, "
            "as you said, gives other stencils than its generator"
        )
    plans = []
    for target in options.targets:
        request = Request(
            tree=tree,
            target=target,
            debug=options.debug,
            cflags=options.cflags,
            cflags_text=options.cflags_text,
            toolchain=found.toolchain,
            identity=found.identity,
            out=out,
            shards=options.shards,
        )
        try:
            plans.append(planner.make(request, runner))
        except OSError as error:
            raise OutputError(f"{error.filename}: {error.strerror}") from error
    report.total = sum(len(plan.opnames) for plan in plans)
    return Session(options, tree, tuple(plans), out, runner, report)

"""The command line of CPython's own stencil generator, Tools/jit/build.py, carried out by us.

    [variable=value ...] [.../Tools/jit/build.py] [the generator's arguments]

The variables are those of `scons -h`; one that is given wins over the argument of the same meaning. The
arguments are those of 3.13 (headers go to the current folder, which holds pyconfig.h), of 3.14 and of 3.15.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from copypatch import jobserver, trees, variables
from copypatch.build import build, deliver
from copypatch.console import Console
from copypatch.errors import CopypatchError, OptionError
from copypatch.files import remove
from copypatch.process import Result, Runner
from copypatch.session import Session, open_session
from copypatch.trees import Tree
from copypatch.variables import Options

# Our files beside the headers, one folder that can be deleted at any time.
WORK = ".copypatch"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks for. *source* is the CPython tree; *output* takes the headers, *work* all else."""

    options: Options
    source: Path
    output: Path
    work: Path
    force: bool
    verbose: bool
    jobs: int | None

    def open_tree(self) -> Tree:
        """Return the tree. Raises TreeError, OptionError."""
        return trees.cpython_tree(self.source, self.options.pyconfig, self.options.engine)


class _EchoingRunner(Runner):
    """Shows every command before it runs."""

    def __init__(self, jobs: int, slots: AbstractContextManager[object] | None, console: Console) -> None:
        super().__init__(jobs, slots)
        self._console = console

    def run(self, command: Sequence[str], *, cwd: Path | None = None) -> Result:
        """Show a command and run it."""
        self._console.line(shlex.join(command))
        return super().run(command, cwd=cwd)


_VARIABLE = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)


def parse(words: Sequence[str], folder: Path) -> Asked:
    """Understand a command line; relative paths are relative to *folder*.

    Raises OptionError, TreeError; exits as argparse does for an option that there is not.
    """
    said: dict[str, str] = {}
    rest = list(words)
    while rest and (match := _VARIABLE.fullmatch(rest[0])):
        said[match[1]] = match[2]
        rest.pop(0)
    generator = rest.pop(0) if rest and rest[0].endswith("build.py") else None
    arguments = _parser().parse_args(rest)
    pyconfig = folder / (said.get("pyconfig") or arguments.pyconfig_dir)
    output = Path(os.path.normpath(folder / arguments.output_dir))
    values = {
        "cpython": str(_source(folder / generator if generator else None, pyconfig)),
        "pyconfig": str(pyconfig),
        "cflags": arguments.cflags,
        "debug": "1" if arguments.debug else "0",
        "out": str(output / WORK),
        "llvm": arguments.llvm_tools_install_dir or arguments.llvm_version or "",
    }
    if arguments.target:
        values["target"] = ",".join(arguments.target)
    options = variables.parse({**values, **{name: value for name, value in said.items() if value}}, folder)
    if arguments.llvm_version:
        if not arguments.llvm_version.isdigit():
            raise OptionError(f"--llvm-version {arguments.llvm_version}: say a major version, such as 19")
        major = int(arguments.llvm_version)
        options = replace(options, generator_llvm=major)
        if arguments.llvm_tools_install_dir and "llvm" not in said:
            options = replace(options, llvm_major=major)
    return Asked(
        options,
        source=options.cpython or pyconfig,
        output=output,
        work=options.out or output / WORK,
        force=arguments.force,
        verbose=arguments.verbose,
        jobs=arguments.jobs,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jit_build.py",
        usage="jit_build.py [variable=value ...] [.../Tools/jit/build.py] [option ...] [target ...]",
        description="Do what CPython's Tools/jit/build.py does, for what has changed alone. Put it in front of the "
        "generator where a Makefile calls that. `scons -h` explains the variables; they win over the options.",
    )
    add = parser.add_argument
    add("target", nargs="*", help="a PEP 11 target triple to compile for (default: this machine)")
    add("-d", "--debug", action="store_true", help="compile for a debug build of Python")
    add("-f", "--force", action="store_true", help="compile every uop, whatever is there")
    add("-v", "--verbose", action="store_true", help="echo commands as they are run")
    add("-o", "--output-dir", default=".", help="where to output generated files (default: the current folder)")
    add("-p", "--pyconfig-dir", default=".", help="where to find pyconfig.h (default: the current folder)")
    add("--cflags", default="", help="additional flags to pass to the compiler")
    add("--llvm-version", help="LLVM version to use")
    add("--llvm-tools-install-dir", help="installation location of LLVM tools")
    add("-j", "--jobs", type=int, help="how many programs may run at a time (default: make's -j, or all cores)")
    return parser


_SRCDIR = re.compile(r"^srcdir\s*[:?]?=\s*(\S.*?)\s*$", re.MULTILINE)


def source_folder(build_folder: Path) -> Path | None:
    """Return the source tree that a build folder was configured from, or None where its Makefile does not say."""
    try:
        match = _SRCDIR.search((build_folder / "Makefile").read_text("utf-8", "surrogateescape"))
    except OSError:
        return None
    return Path(os.path.normpath(build_folder / match[1])) if match else None


def _source(generator: Path | None, pyconfig: Path) -> Path:
    if generator is not None:
        # Its name is .../Tools/jit/build.py.
        return Path(os.path.normpath(generator)).parent.parent.parent
    return source_folder(pyconfig) or pyconfig


def default_jobs(environ: Mapping[str, str]) -> int:
    """Return how many programs may run at a time: what make was told with -j, else one a core."""
    said = re.findall(r"(?:^|\s)-j(\d+)(?=\s|$)", jobserver.flags(environ))
    return int(said[-1]) if said else os.cpu_count() or 1


def run(words: Sequence[str], folder: Path, console: Console, environ: Mapping[str, str]) -> int:
    """Carry out a command line; return the exit status. A user's mistake is told in one message.

    Where nothing had to be done, nothing is said.
    """
    try:
        asked = parse(words, folder)
        session = _open(asked, console, environ)
        build(session)
        changed = deliver(session, asked.output)
    except CopypatchError as error:
        console.error(str(error))
        return 1
    except OSError as error:
        console.error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return 1
    report = session.context.report
    if changed or asked.verbose or report.restored or report.sharded or report.alone:
        console.line(report.line())
    return 0


def _open(asked: Asked, console: Console, environ: Mapping[str, str]) -> Session:
    tree = asked.open_tree()
    options = asked.options
    if asked.force:
        # Nothing is known any more, so nothing is up to date and nothing can be restored.
        options = replace(options, cache=None)
        remove(asked.work.glob("uops/*/manifest.json"))
    jobs = asked.jobs or default_jobs(environ)
    slots = None if asked.jobs else jobserver.join(environ)
    runner = _EchoingRunner(jobs, slots, console) if asked.verbose else Runner(jobs, slots)
    session = open_session(options, tree, asked.work, runner, console)
    session.context.report.explain = options.explain
    return session

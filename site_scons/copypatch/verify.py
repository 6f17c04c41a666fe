"""Verification: the tree's own generator is run, and its header compared with ours, byte for byte.

A sample of uops is also compiled alone, without cache or shards, and compared with what is there. Of the
headers, two places may differ: the second line, which is the generator's command line, and in llvm-objdump's
``file format`` comment the object's path and the spacing behind it, which depend on the generator's random
temporary folder.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from copypatch import dispatchers, shim, steps
from copypatch.cache import NoStore
from copypatch.console import Console
from copypatch.context import Context
from copypatch.errors import VerifyError
from copypatch.files import read_text
from copypatch.plan import Plan
from copypatch.process import Runner
from copypatch.report import Report

_FILE_FORMAT = re.compile(r"^    // .*:\s+file format ")
_EMIT = re.compile(r"^emit_(\w+)\($")


def comparable(text: str) -> list[str]:
    """Return the lines of a header with the two places that may differ taken out."""
    lines = text.split("\n")
    shown = [_FILE_FORMAT.sub("    // file format ", line) for line in lines]
    command = 1 if len(shown) > 1 and shown[1].startswith("// $ ") else 0
    return [line for index, line in enumerate(shown) if index != command or not line.startswith("// $ ")]


def first_difference(ours: str, theirs: str) -> str | None:
    """Describe the first line in which two headers differ, and the uop it is in; None where none does."""
    left, right = comparable(ours), comparable(theirs)
    uop = ""
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else None
        other = right[index] if index < len(right) else None
        if one != other:
            where = f"in {uop}, " if uop else ""
            # The second line, the command, is left out of the comparison.
            number = index + (2 if index else 1)
            return f"{where}line {number}:\n  copypatch: {_shown(one)}\n  generator: {_shown(other)}"
        match = _EMIT.match(one or "")
        uop = match[1] if match else uop
    return None


def _shown(line: str | None) -> str:
    return "(the file ends)" if line is None else line


def differing_lines(ours: str, theirs: str) -> int:
    """Count the lines that a diff of two headers would show."""
    diff = difflib.unified_diff(comparable(ours), comparable(theirs), n=0, lineterm="")
    return sum(1 for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def run_generator(plans: Sequence[Plan], folder: Path) -> None:
    """Run the tree's own generator for the headers of *plans*, with the same LLVM, writing into *folder*.

    The tree is left as it is: no bytecode is written to it. Raises VerifyError when the generator fails.
    """
    request = plans[0].request
    tree, toolchain = request.tree, request.toolchain
    pyconfig = tree.sources.pyconfig
    if pyconfig is None:
        raise VerifyError("verify: the embedded templates have no other generator; say which tree with cpython=DIR")
    with tempfile.TemporaryDirectory(prefix="copypatch-llvm-") as tools:
        # The generator looks for unversioned names on PATH first, so these are what it finds.
        for name, tool in (
            ("clang", toolchain.clang),
            ("llvm-readobj", toolchain.readobj),
            ("llvm-objdump", toolchain.objdump),
            ("llvm-dwarfdump", toolchain.sibling("llvm-dwarfdump")),
        ):
            Path(tools, name).symlink_to(tool)
        environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        generator = tree.sources.template.parent / "build.py"
        command = [sys.executable, str(generator), "--force"]
        command += [plan.request.target.triple for plan in plans]
        if request.debug:
            command.append("--debug")
        if tree.dialect.dispatches:
            command += ["--output-dir", str(folder), "--pyconfig-dir", str(pyconfig)]
            # 3.14 came to take it between two patch releases.
            if "--llvm-version" in read_text(generator):
                command.append(f"--llvm-version={toolchain.major}")
            if request.cflags_text:
                command.append(f"--cflags={request.cflags_text}")
        else:
            # 3.13's generator works in the folder of pyconfig.h, and writes there.
            shutil.copy(pyconfig / "pyconfig.h", folder)
        process = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
    if process.returncode:
        said = "\n".join(process.stderr.strip().splitlines()[-8:])
        raise VerifyError(f"verify: the tree's own generator failed with status {process.returncode}:\n{said}")


def compare_with_generator(plans: Sequence[Plan], dispatcher: Path | None) -> None:
    """Compare the finished headers with the generator's. Raises VerifyError for the first difference."""
    with tempfile.TemporaryDirectory(prefix="copypatch-verify-") as temporary:
        folder = Path(temporary)
        run_generator(plans, folder)
        headers = [path for plan in plans for path in (plan.request.header, *shim.outputs(plan)[1:])]
        if dispatcher is not None:
            headers += dispatchers.paths(dispatcher, plans)
        for header in headers:
            ours, theirs = read_text(header), read_text(folder / header.name)
            difference = first_difference(ours, theirs)
            if difference is not None:
                count = differing_lines(ours, theirs)
                raise VerifyError(
                    f"verify: {header} differs from the generator's in {count} lines, first {difference}"
                )
        for plan in plans:
            for made in shim.outputs(plan)[:1]:
                if _untimed(made) != _untimed(folder / made.name):
                    raise VerifyError(f"verify: {made} differs from the generator's")


def _untimed(path: Path) -> bytes:
    """Return an object without the time that clang writes into the head of a COFF file."""
    content = path.read_bytes()
    return content[:4] + bytes(4) + content[8:] if "windows" in path.name else content


def sample_of(plan: Plan, size: int | None) -> list[str]:
    """Return *size* uops, spread over all of the plan's; all of them for None."""
    uops = [opname for opname in plan.opnames if plan.request.steps(opname)]
    step = 1 if size is None else max(1, -(-len(uops) // max(size, 1)))
    return uops[::step] if size != 0 else []


def compare_alone(plan: Plan, size: int | None, runner: Runner) -> int:
    """Compile a sample of uops alone and compare the fragments with those on disk; return how many.

    Everything is made anew below ``check/``: sources, include block, objects, sections, holes, fragments.
    Raises VerifyError for the first difference, CompileError, OutputError.
    """
    opnames = sample_of(plan, size)
    with tempfile.TemporaryDirectory(prefix="copypatch-verify-") as temporary:
        request = replace(plan.request, out=Path(temporary), shards=False)
        fresh = replace(plan, request=request)
        console = Console(io.StringIO(), io.StringIO(), live=False)
        context = Context(runner, Report(console), NoStore())
        steps.compile_objects(fresh, opnames, context)
        steps.read_objects(fresh, opnames, context)
        steps.write_holes(fresh, opnames, context)
        steps.write_fragments(fresh, opnames, context)
        for opname in opnames:
            made = fresh.paths.fragment(opname)
            if not made.is_file():
                raise VerifyError(f"verify: {opname} does not compile alone")
            difference = first_difference(read_text(plan.paths.fragment(opname)), read_text(made))
            if difference is not None:
                raise VerifyError(
                    f"verify: {opname} differs from what the driver makes of it alone, first {difference}"
                )
    return len(opnames)

"""docs/how-patching-works.md: every block of output in it is what a build and a run give now."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest

from copypatch import holes_file
from docs import trace
from docs.blocks import Check

# What clang makes of a case differs between its versions; the page shows what 19 makes (see the llvm_19 fixture).
pytestmark = [
    pytest.mark.build,
    pytest.mark.slow,
    pytest.mark.skipif(
        platform.machine() != "x86_64" or platform.system() != "Linux", reason="the page runs code of x86-64 Linux"
    ),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler cc for the run time"),
]


def test_every_block_is_real(embedded: Path, llvm_19: Path, tmp_path: Path, check: Check) -> None:
    (artefacts,) = embedded.glob("uops/*/")
    name = trace.OPNAME
    holes_text = (artefacts / "holes" / f"{name}.holes.json").read_text(encoding="utf-8")
    fragment = (artefacts / "fragments" / f"{name}.h").read_text(encoding="utf-8")
    disassembly = (artefacts / "dis" / f"{name}.dis").read_text(encoding="utf-8").expandtabs()
    group = holes_file.load(holes_text, name)
    made = trace.make(embedded, tmp_path)
    near, start = made.near, made.starts[0]
    code = trace.part(group.code, near.code, start)
    (call,) = [hole.offset for hole in group.code.holes if hole.function == "patch_x86_64_32rx"]
    far_code = trace.part(group.code, made.far.code, start)
    # The six bytes of the call: two of the instruction itself, four of its operand.
    calls = {"in the stencil": group.code.body, "helper is near": code, "helper is far": far_code}
    texts = {
        "case": trace.case_text(),
        "disassembly": disassembly.lstrip("\n"),
        "holes": "\n".join(line for line in holes_text.splitlines() if line.startswith('{"offset"')) + "\n",
        "data": trace.shown_lines(list(group.data.disassembly)),
        "fragment": trace.without_disassembly(fragment),
        "patches": trace.patches(group, made),
        "patched": _disassembly(llvm_19, code, near.code_address + start, tmp_path),
        "shim": _disassembly(llvm_19, near.code[:start], near.code_address, tmp_path),
        "relaxation": trace.function_text("patch.c", "patch_x86_64_32rx"),
        "calls": "".join(f"{what:<16}{body[call - 2 : call + 4].hex(' ')}\n" for what, body in calls.items()),
        "protect": trace.function_text("jit.c", "protect"),
        "trampoline": trace.function_text("patch.c", "patch_aarch64_write_trampoline"),
        "far-call": trace.function_text("jit.c", "patch_aarch64_trampoline"),
        "run": trace.shown_lines(list(made.runs)),
    }
    check("how-patching-works.md", texts)


def _disassembly(llvm: Path, code: bytes, address: int, folder: Path) -> str:
    return trace.shown_lines(trace.disassemble(llvm, code, address, folder))

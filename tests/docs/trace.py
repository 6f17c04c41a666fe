"""Builds and runs patched_trace.c, and shows what became of the bytes of a stencil."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from copypatch.holes import Hole, Stencil, StencilGroup
from support.trees import ROOT

OPNAME = "_FLOAT_DIV"
_TEMPLATES = ROOT / "uop_templates"
_SOURCES = ("jit.c", "patch.c", "tracer.c", "listing.c", "uop_table.c", "interpreter.c")
_INSTRUCTION = re.compile(r"^\s*(?P<offset>[0-9a-f]+): (?P<bytes>(?:[0-9a-f]{2} )*[0-9a-f]{2})\s+(?P<text>\S.*)$")


@dataclass(frozen=True)
class Memory:
    """The memory of a trace, code and data, and the addresses at which they are."""

    code_address: int
    data_address: int
    code: bytes
    data: bytes


@dataclass(frozen=True)
class Trace:
    """A trace as it was made close to its helper and far from it; *starts* are its uops' offsets in the code."""

    helper: int
    starts: tuple[int, ...]
    near: Memory
    far: Memory
    runs: tuple[str, ...]


def make(headers: Path, folder: Path) -> Trace:
    """Build the program with this machine's C compiler, in *folder*, and run it."""
    common = ["cc", "-std=c11", "-O1", f"-I{headers}", f"-I{_TEMPLATES}", "-fno-pie"]
    helpers = folder / "helpers.o"
    _run([*common, "-c", "-Dcp_raise=cp_raise_elsewhere", str(_TEMPLATES / "helpers.c"), "-o", str(helpers)])
    program = folder / "patched_trace"
    sources = [str(Path(__file__).with_name("patched_trace.c")), *(str(_TEMPLATES / name) for name in _SOURCES)]
    place = "-Wl,--section-start=at_a_fixed_address=0x40000000"
    _run([*common, "-no-pie", *sources, str(helpers), "-lm", place, "-o", str(program)])
    lines = [line.split(" ", 1) for line in _run([str(program)]).splitlines()]
    said = dict(lines)
    return Trace(
        helper=int(said["cp_raise"], 16),
        starts=tuple(int(value, 16) for name, value in lines if name == "start"),
        near=_memory(said, "near"),
        far=_memory(said, "far"),
        runs=tuple(value for name, value in lines if name == "run"),
    )


def _memory(said: dict[str, str], where: str) -> Memory:
    return Memory(
        int(said[f"{where}.code_address"], 16),
        int(said[f"{where}.data_address"], 16),
        bytes.fromhex(said[f"{where}.code"]),
        bytes.fromhex(said[f"{where}.data"]),
    )


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- What the page shows -----------------------------------------------------------------------------------------


def case_text() -> str:
    """Return the uop's case as its author wrote it."""
    text = (_TEMPLATES / "executor_cases.c.h").read_text(encoding="utf-8")
    start = text.index(f"        case {OPNAME}: {{")
    return text[start : text.index("\n        }\n", start) + len("\n        }\n")]


def function_text(file: str, name: str) -> str:
    """Return a function of uop_templates/ with its type, as it is written there."""
    text = (_TEMPLATES / file).read_text(encoding="utf-8")
    match = re.search(rf"^[^\n]*\n{name}\(.*?^}}\n", text, re.MULTILINE | re.DOTALL)
    assert match is not None, f"no {name} in {file}"
    return match[0]


def without_disassembly(fragment: str) -> str:
    """Return a fragment without the comment lines about its code, which the page has shown before."""
    kept, skipping = [], False
    for line in fragment.rstrip("\n").split("\n"):
        skipping = line.startswith("    //") if line == "    // " or skipping else False
        if not skipping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def patches(group: StencilGroup, trace: Trace) -> str:
    """Return a table of what was written into each hole: data first, as the emit function does it."""
    memory = trace.near
    start = trace.starts[0]
    lines = [("hole", "patch function", "value", "memory before", "memory after")]
    for part, stencil, base, end in (
        ("data", group.data, 0, memory.data),
        ("code", group.code, start, memory.code),
    ):
        for hole in stencil.holes:
            # What the function may write: up to two bytes in front of the hole belong to its instruction.
            first = hole.offset - (2 if hole.function.endswith("32rx") else 0)
            last = hole.offset + (8 if hole.function == "patch_64" else 4)
            before, after = stencil.body[first:last], end[base + first : base + last]
            value = f"{_value(hole, group, trace):#x}"
            lines.append((f"{part} + {hole.offset:#x}", hole.function, value, before.hex(" "), after.hex(" ")))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _value(hole: Hole, group: StencilGroup, trace: Trace) -> int:
    """Return what the emit function passes to the patch function; the trace is that of patched_trace.c."""
    code = trace.near.code_address
    bases = {
        "ZERO": 0,
        "DATA": trace.near.data_address,
        "CODE": code + trace.starts[0],
        "CONTINUE": code + trace.starts[0] + len(group.code.body),
        "TARGET": 7,
        "ERROR_TARGET": code + trace.starts[2],
    }
    return bases[hole.value] + (trace.helper if hole.symbol == "cp_raise" else 0) + hole.addend


def disassemble(llvm: Path, code: bytes, address: int, folder: Path) -> list[str]:
    """Return what llvm-objdump makes of bytes at an address, a line an instruction."""
    source, made = folder / "bytes.s", folder / "bytes.o"
    source.write_text("".join(f".byte {byte:#04x}\n" for byte in code), encoding="utf-8")
    _run([str(llvm / "bin" / "clang"), "--target=x86_64-unknown-linux-gnu", "-c", str(source), "-o", str(made)])
    tool = str(llvm / "bin" / "llvm-objdump")
    output = _run([tool, "--disassemble", f"--adjust-vma={address:#x}", str(made)]).expandtabs()
    lines = []
    for line in output.splitlines():
        match = _INSTRUCTION.match(line)
        if match is not None:
            text = re.sub(r"\s*<.*>$", "", re.sub(r"\s+", " ", match["text"]))
            lines.append(f"{match['offset']}: {match['bytes']:<30} {text}")
    return lines


def shown_lines(lines: list[str]) -> str:
    """Return lines as the text of a block."""
    return "".join(f"{line}\n" for line in lines)


def part(stencil: Stencil, memory: bytes, start: int) -> bytes:
    """Return the bytes that a stencil became."""
    return memory[start : start + len(stencil.body)]

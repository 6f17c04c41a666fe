"""Runs a tree's own stencil generator behind llvm-readobj: the tests' peer, in a process of its own.

    python -B generator_worker.py TREE/Tools/jit

reads one JSON job a line and answers with one JSON line: [true, the header's text] or [false, the exception].
Only the two functions that start LLVM's tools are replaced, to answer with the texts of the job.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import pathlib
import sys
from typing import Any


def run(job: dict[str, Any]) -> str:
    # In this order: the modules import each other.
    targets, llvm, stencils, writer = (
        importlib.import_module(name) for name in ("_targets", "_llvm", "_stencils", "_writer")
    )
    texts = {group["name"]: group for group in job["groups"]}

    async def answer(tool: str, args: list[str], **_options: object) -> str:
        group = texts[pathlib.Path(args[-1]).stem]
        return str(group["disassembly" if "objdump" in tool else "sections"])

    vars(llvm)["run"] = vars(llvm)["maybe_run"] = answer
    target = targets.get_target(job["triple"])

    async def parse() -> dict[str, Any]:
        # 3.13 makes the entry an empty group where it needs none.
        return {
            name: stencils.StencilGroup()
            if group["sections"] is None
            else await target._parse(pathlib.Path(f"work/{name}.o"))
            for name, group in texts.items()
        }

    groups = asyncio.run(parse())
    if not hasattr(target, "known_symbols"):
        return "".join(f"{line}\n" for line in writer.dump(groups))
    target.known_symbols = {}
    for group in groups.values():
        group.process_relocations(
            known_symbols=target.known_symbols, alignment=target.alignment, nop=target._get_nop()
        )
    return "".join(f"{line}\n" for line in writer.dump(groups, target.known_symbols))


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    for line in sys.stdin:
        try:
            answer = [True, run(json.loads(line))]
        except Exception as error:
            answer = [False, f"{type(error).__name__}: {error}"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""The disassembly: llvm-objdump's text of an object, relocations among the instructions."""

from __future__ import annotations

from collections.abc import Sequence

from copypatch.errors import ObjectError

ARGUMENTS = ("--disassemble", "--reloc")


def split(output: str, names: Sequence[str]) -> list[str]:
    """Cut the output for several objects, in the order of their file names.

    Each part starts with an empty line and the file's name. Raises ObjectError where there is none for an object.
    """
    starts = []
    position = 0
    for name in names:
        position = output.find(f"\n{name}:\tfile format ", position)
        if position < 0:
            raise ObjectError(f"llvm-objdump printed nothing for {name}")
        starts.append(position)
        position += 1
    ends = [*starts[1:], len(output)]
    return [output[start:end] for start, end in zip(starts, ends, strict=True)]

"""Branches on AArch64: the bits that change, and those that do not."""

from __future__ import annotations

import pytest

from copypatch import far_calls


@pytest.mark.parametrize(
    ("word", "offset", "destination", "expected"),
    [
        (0x94000000, 0, 32, 0x94000008),
        (0x14000000, 8, 32, 0x14000006),
        # What was in the field is overwritten, and backwards is a negative number of 26 bits.
        (0x97FFFFFF, 4, 24, 0x94000005),
        (0x94000000, 16, 0, 0x97FFFFFC),
    ],
)
def test_a_branch_is_retargeted(word: int, offset: int, destination: int, expected: int) -> None:
    body = bytearray(40)
    body[offset : offset + 4] = word.to_bytes(4, "little")
    far_calls.retarget(body, offset, destination)
    assert int.from_bytes(body[offset : offset + 4], "little") == expected
    assert bytes(body[:offset]) + bytes(body[offset + 4 :]) == bytes(36)


def test_the_comment_lines_name_every_instruction_and_the_function() -> None:
    lines = far_calls.disassembly(0x20, "extfn")
    words = [line.split()[1] for line in lines if "R_AARCH64" not in line]
    assert b"".join(int(word, 16).to_bytes(4, "little") for word in words) == far_calls.TRAMPOLINE
    assert [line.split()[1] for line in lines if line.endswith(" extfn")] == list(far_calls.KINDS)
    assert [int(line.split(":")[0], 16) for line in lines if "R_" not in line] == [0x20, 0x24, 0x28, 0x2C, 0x30]

"""What the tests of the cache put into it."""

from __future__ import annotations

import hashlib

LIMIT = 1 << 20
SMALL, LARGE = b"small", bytes(range(256)) * 400


class Warnings(list[str]):
    """The warnings of a store."""

    def one(self) -> str:
        """The only one."""
        (warning,) = self
        return warning


def key(number: int) -> str:
    """Any key."""
    return hashlib.sha256(str(number).encode()).hexdigest()

"""Keys: digests over typed, delimited fields, by which results are found again.

Two different lists of fields never feed the hash the same bytes: every field is its name, its length and its
value. No key holds an absolute path, so checkouts, worktrees and users share results.
"""

from __future__ import annotations

import hashlib

# Part of every key: raise it when the meaning of a field, or of what is stored under a key, changes.
SCHEMA = 3


class Key:
    """Collects the fields of one key."""

    def __init__(self, kind: str) -> None:
        self._hasher = hashlib.sha256()
        self.fields: list[tuple[str, str]] = []
        self.add("schema", str(SCHEMA))
        self.add("kind", kind)

    def add(self, name: str, value: str) -> None:
        """Add a field; *name* tells it from the others, in the hash and in explanations."""
        data = value.encode("utf-8", "surrogateescape")
        self._hasher.update(f"{name}\0{len(data)}\0".encode())
        self._hasher.update(data)
        self.fields.append((name, value))

    def copy(self) -> Key:
        """Return a key with the same fields, to which others can be added."""
        key = Key.__new__(Key)
        key._hasher, key.fields = self._hasher.copy(), self.fields.copy()
        return key

    def hexdigest(self) -> str:
        """Return the key in hexadecimal."""
        return self._hasher.hexdigest()

"""Records: what one build leaves for the next, as JSON with its own digest.

A record that somebody damaged may still be JSON, and a digit of it a key that nothing has. So each says itself
whether it is whole; one that isn't is taken for none.
"""

from __future__ import annotations

import hashlib
import json

# As typing has it, which takes a while to import: ninja's steps read records, and little else.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_HEAD, _MIDDLE, _END = b'{"digest": "', b'", "record": ', b"}\n"
_DIGITS = 64


def pack(record: object) -> bytes:
    """Return a record as it stands in a file."""
    body = json.dumps(record).encode()
    return b"".join([_HEAD, _digest(body), _MIDDLE, body, _END])


def unpack(data: bytes) -> Any:
    """Return the record that a file holds. Raises ValueError for one that is not as it was written."""
    start = len(_HEAD) + _DIGITS
    said, body = data[len(_HEAD) : start], data[start + len(_MIDDLE) : -len(_END)]
    if data != b"".join([_HEAD, said, _MIDDLE, body, _END]) or _digest(body) != said:
        raise ValueError("a damaged record")
    return json.loads(body)


def save(path: Path, record: object) -> None:
    """Write a record. Raises OutputError."""
    from copypatch.files import write_if_changed

    write_if_changed(path, pack(record))


def load(path: Path) -> Any:
    """Return the record in a file. Raises OSError, or ValueError for one that is not as it was written."""
    return unpack(path.read_bytes())


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()

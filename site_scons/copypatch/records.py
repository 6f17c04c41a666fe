"""Records: what one build leaves for the next, as JSON with its own digest.

A record that somebody damaged may still be JSON, and a digit of it a key that nothing has. So each says itself
whether it is whole; one that isn't is taken for none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from copypatch.files import digest, write_if_changed

_HEAD, _MIDDLE, _END = b'{"digest": "', b'", "record": ', b"}\n"
_DIGITS = 64


def save(path: Path, record: object) -> None:
    """Write a record. Raises OutputError."""
    body = json.dumps(record).encode()
    write_if_changed(path, b"".join([_HEAD, digest(body).encode(), _MIDDLE, body, _END]))


def load(path: Path) -> Any:
    """Return the record in a file. Raises OSError, or ValueError for one that is not as it was written."""
    data = path.read_bytes()
    start = len(_HEAD) + _DIGITS
    said, body = data[len(_HEAD) : start], data[start + len(_MIDDLE) : -len(_END)]
    if data != b"".join([_HEAD, said, _MIDDLE, body, _END]) or digest(body).encode() != said:
        raise ValueError(f"{path}: a damaged record")
    return json.loads(body)

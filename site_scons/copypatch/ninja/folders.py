"""The folders step: whether a file has come or gone where headers are looked for.

A new file can take the place of a header from a folder further down. ninja sees only that a folder has changed, as
it does whenever an editor saves a file beside; this step compares names, so that nothing has to be expanded then.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from copypatch.ninja import places


def run(out: str, name: str) -> None:
    """Write the digest of all names, if it has changed. Raises OSError."""
    found = names(places.load(f"{out}/{places.headers_file(name)}").get("places", ()))
    path = f"{out}/{places.folders_file(name)}"
    if places.read(path) != found:
        places.write(path, found)


def names(folders: Iterable[str]) -> str:
    """Return a digest of the names in folders, whether those are there or not."""
    hasher = hashlib.sha256()
    for folder in folders:
        try:
            found = sorted(os.listdir(folder))
        except OSError:
            found = ["/absent"]
        hasher.update("\0".join([folder, *found, "\n"]).encode("utf-8", "surrogateescape"))
    return hasher.hexdigest()

"""Where ninja's own files are, beside those of the build.

The modules that a ninja run starts with import little, hence no pathlib here: a tenth of the inner loop.
"""

from __future__ import annotations

import os

from copypatch.errors import NinjaError

# As typing has it, which takes longer to import than all else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SETTINGS = "uops/ninja.json"
# Written by scons when it is about to change something in the folder, so that ninja's steps look again.
TURN = "uops/turn"


def plan_folder(name: str) -> str:
    """Return the folder of a plan, seen from the output folder."""
    return f"uops/{name}"


def opnames_file(name: str) -> str:
    """Return the list of a plan's uops, on which build.ninja depends."""
    return f"{plan_folder(name)}/opnames.txt"


def texts_file(name: str) -> str:
    """Return what the split remembers of the texts it has cut."""
    return f"{plan_folder(name)}/texts.json"


def headers_file(name: str) -> str:
    """Return what the headers step remembers of the expansion it left."""
    return f"{plan_folder(name)}/headers.json"


def folders_file(name: str) -> str:
    """Return the digest of the names in the folders where headers are looked for."""
    return f"{plan_folder(name)}/folders.txt"


def folders_depfile(name: str) -> str:
    """Return the depfile of the folders step, which the headers step writes."""
    return f"{plan_folder(name)}/folders.d"


def headers_depfile(name: str) -> str:
    """Return the depfile of the headers step."""
    return f"{plan_folder(name)}/headers.d"


def stencils_depfile(name: str) -> str:
    """Return the depfile of the stencils step."""
    return f"{plan_folder(name)}/stencils.d"


def stencils_file(name: str) -> str:
    """Return what the stencils step remembers of the objects it has read."""
    return f"{plan_folder(name)}/stencils.json"


def ready_folder(name: str) -> str:
    """Return the folder of objects that the headers step compiled before ninja asks for them."""
    return f"{plan_folder(name)}/ready"


def edited_source(name: str) -> str:
    """Return the C text in which the stencils step has the edited uops expanded."""
    return f"{plan_folder(name)}/expand/edited.c"


def key_file(name: str, opname: str) -> str:
    """Return the stamp that is written when a uop's object has to be made again for another text than its own."""
    return f"{plan_folder(name)}/keys/{opname}"


def settings(out: str, name: str) -> dict[str, Any]:
    """Return what the steps have to know of a plan. Raises NinjaError where it is lost."""
    plans = load(f"{out}/{SETTINGS}").get("plans", {})
    if name not in plans:
        raise NinjaError(f"{out}/{SETTINGS}: lost or damaged; run `scons ninja` again")
    found: dict[str, Any] = plans[name]
    return found


def load(path: str) -> dict[str, Any]:
    """Return the record in a file; nothing where it is missing or damaged."""
    from copypatch import records

    try:
        with open(path, "rb") as file:
            record = records.unpack(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def save(path: str, record: Mapping[str, Any]) -> None:
    """Write a record. Raises OSError."""
    from copypatch import records

    write(path, records.pack(record).decode())


def write(path: str, text: str, *, mtime_ns: int | None = None) -> None:
    """Write a file whole or not at all; *mtime_ns* is the time it is to bear. Raises OSError."""
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        if mtime_ns is not None:
            os.utime(temporary, ns=(mtime_ns, mtime_ns))
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def read(path: str) -> str | None:
    """Return the text of a file, None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except OSError:
        return None


def text(path: str) -> str:
    """Return the text of a file of the user's. Raises NinjaError where it cannot be read."""
    found = read(path)
    if found is None:
        raise NinjaError(f"{path}: it cannot be read; is the tree still whole?")
    return found

"""The edits of the random walk that nobody should make: of what earlier builds have left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from proof.world import World

# The outputs: those of a uop, those of a kind of build, and those that all share.
CHAIN = ("src/*.c", "obj/*.o", "json/*.json", "dis/*.dis", "holes/*.json", "fragments/*.h")
OTHERS = (
    "manifest.json",
    "expansion.json",
    "shards.json",
    "expand/texts.json",
    "expand/all.c",
    "src/copypatch-prefix.pch",
    "src/copypatch-prefix.h",
)
SHARED = ("uops/toolchain.json", "uops/sconsign.dblite", "uops/lock", "jit_stencils*.h")


def _damage(path: Path, way: str) -> None:
    content = path.read_bytes()
    if way == "deleted":
        path.unlink()
    elif way == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif way == "emptied":
        path.write_bytes(b"")
    elif way == "flipped":
        middle = len(content) // 2
        path.write_bytes(
            content[:middle] + bytes(byte ^ 0x55 for byte in content[middle : middle + 4]) + content[middle + 4 :]
        )
    elif way == "garbage":
        path.write_bytes(b'[1, "\xff garbage"]')


def damage_output(world: World) -> str | None:
    """Delete or damage an output of an earlier build."""
    if not world.parts:
        return None
    part = world.random.choice(world.parts)
    kind = "debug" if part.name.endswith("debug") else "release"
    pattern = world.random.choice([*CHAIN, *OTHERS, *SHARED])
    root = world.bench.out if pattern in SHARED else part
    found = sorted(path for path in root.glob(pattern) if path.is_file())
    if not found:
        return None
    path = world.random.choice(found)
    way = world.random.choice(["deleted", "truncated", "emptied", "flipped", "garbage"])
    stat = path.stat()
    _damage(path, way)
    if path.exists() and world.random.random() < 0.3:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if pattern in CHAIN:
        if pattern != "src/*.c":
            world.model.doubt(kind, path.stem.partition(".")[0], fragment=pattern == "fragments/*.h")
    elif pattern == "manifest.json":
        world.model.doubt_all(kind)
    elif pattern == "uops/sconsign.dblite":
        for each in list(world.model.folders):
            for name in world.model.folders[each]:
                world.model.doubt(each, name)
    return f"{path.relative_to(world.bench.out)} {way}"


def delete_out(world: World) -> str | None:
    shutil.rmtree(world.bench.out, ignore_errors=True)
    world.model.folders.clear()
    return "the output folder is deleted"

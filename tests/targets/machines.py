"""What executes the stencils of each target on this machine.

A stencil needs a processor and a calling convention, not the system whose object format it came in. So the run
time is compiled for Linux with whatever convention the target's C code has, gets the target's header, and runs
under this kernel or an emulator of the processor.
"""

from __future__ import annotations

import errno
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import trees

# -w: the demo's own build has the warnings.
_FLAGS = ("-std=c11", "-O1", "-w")


@dataclass(frozen=True)
class AArch64:
    """How to build programs for AArch64 Linux and to run them here."""

    llvm: Path
    sysroot: Path
    emulator: Path

    def compile(self, *arguments: str | Path) -> list[str]:
        """Return the command of the compiler."""
        flags = ["--target=aarch64-unknown-linux-gnu", f"--sysroot={self.sysroot}", "-fuse-ld=lld"]
        return [str(word) for word in (self.llvm / "bin" / "clang", *flags, *arguments)]

    def run(self, *arguments: str | Path) -> list[str]:
        """Return the command that runs a program."""
        return [str(word) for word in (self.emulator, "-L", self.sysroot, *arguments)]


@dataclass(frozen=True)
class Machine:
    """What compiles the run time in *folder*, for the targets with one convention, and what runs it."""

    compile: list[str]
    folder: Path
    run: list[str] = field(default_factory=list)

    def demo(self, header: bytes, folder: Path) -> str:
        """Build the demo in *folder* with a header, run it, and return what it says; it has to succeed."""
        # All but the file with the header in it is compiled once.
        objects = self.folder / "objects"
        if not objects.exists():
            objects.mkdir()
            skip = {"jit.c", "template.c", "shim.c"}
            sources = [str(path) for path in sorted(self.folder.glob("*.c")) if path.name not in skip]
            subprocess.run([*self.compile, "-c", *sources], cwd=objects, check=True)
        (folder / "jit_stencils.h").write_bytes(header)
        parts = [str(self.folder / "jit.c"), *map(str, sorted(objects.glob("*.o")))]
        program = str(folder / "demo")
        subprocess.run([*self.compile, f"-I{folder}", *parts, "-lm", "-o", program], check=True)
        command = [*self.run, program, "--quick"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            if error.errno == errno.ENOEXEC and "-malign-double" in self.compile:
                pytest.skip("this kernel runs no 32-bit programs")
            raise
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Machines:
    """Makes machines for targets as they are asked for, for a run time (a folder like uop_templates)."""

    def __init__(self, run_time: Path, folder: Path, llvm: Path, request: pytest.FixtureRequest) -> None:
        self._run_time = run_time
        self._folder = folder
        self._clang = str(llvm / "bin" / "clang")
        self._request = request
        self._made: dict[str, Machine] = {}

    def of(self, triple: str) -> Machine:
        """Return what runs a target's code, or skip the test and say why."""
        processor, _, system = triple.partition("-")
        make = self._aarch64
        if processor != "aarch64":
            make = self._i686 if processor == "i686" else self._ms_abi if "windows" in system else self._native
            if platform.machine() != "x86_64":
                pytest.skip(f"executes code for {processor} as it is, and this machine is {platform.machine()}")
        if make.__name__ not in self._made:
            folder = self._folder / make.__name__
            shutil.copytree(self._run_time, folder)
            self._made[make.__name__] = make(folder)
        return self._made[make.__name__]

    def _native(self, folder: Path) -> Machine:
        return Machine([self._clang, *_FLAGS], folder)

    def _aarch64(self, folder: Path) -> Machine:
        # Of Linux, Darwin and Windows: the convention for what is called here is the same.
        cross: AArch64 = self._request.getfixturevalue("aarch64")
        return Machine(cross.compile(*_FLAGS), folder, cross.run())

    def _ms_abi(self, folder: Path) -> Machine:
        # What stencils call, and the shim that is called, have Windows' convention.
        mark = "__attribute__((ms_abi))"
        trees.edit(folder / "vm.h", "    #define CP_API extern\n", f"    #define CP_API extern {mark}\n")
        trees.edit(folder / "vm.h", "(*cp_entry)(", f"({mark} *cp_entry)(")
        return Machine([self._clang, *_FLAGS], folder)

    def _i686(self, folder: Path) -> Machine:
        place: Callable[[str], Path] = self._request.getfixturevalue("place")
        target = ["--target=i686-linux-gnu", f"--sysroot={place('COPYPATCH_SYSROOT_I686')}", "-fuse-ld=lld"]
        # Windows aligns 64-bit numbers to 8 bytes, and its stack to 4 only. Static: no 32-bit loader is here.
        abi = ["-malign-double", "-mstackrealign", "-msse2", "-mfpmath=sse", "-static"]
        return Machine([self._clang, *target, *_FLAGS, *abi], folder)

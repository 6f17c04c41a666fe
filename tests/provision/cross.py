"""What it takes to compile for other machines and to run the result here: Debian's packages, unpacked.

Debian's clang has every target, where the wheels' has x86 alone. With its linker, the C library of AArch64 and
an emulator of one process, a program for AArch64 Linux is built and run without root, and nothing is installed.
"""

from __future__ import annotations

import os
import platform
import shutil
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from provision.debian import Apt
from provision.steps import Failed, Unavailable, make_once, run, stamped

# Programs of this release run on every later one: what they need of the machine is libc and libstdc++.
SUITE = "bookworm"
_EMULATOR = "qemu-aarch64-static"

_LLVM = (
    *("clang-19", "llvm-19", "lld-19", "llvm-19-linker-tools", "libclang-common-19-dev"),
    *("libclang-cpp19", "libllvm19"),
    # What libLLVM needs, and that in turn; a machine without LLVM may have none of it.
    *("libedit2", "libbsd0", "libmd0", "libtinfo6", "libffi8", "libz3-4", "libzstd1", "zlib1g"),
    *("libxml2", "libicu72", "liblzma5"),
    # llvm-objdump can fetch debug information, so it needs libcurl and all that libcurl can do.
    *("libcurl4", "libbrotli1", "libidn2-0", "libnghttp2-14", "libpsl5", "librtmp1", "libssh2-1", "libssl3"),
    *("libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0", "libcom-err2", "libkeyutils1"),
    *("libldap-2.5-0", "libsasl2-2", "libgnutls30", "libnettle8", "libhogweed6", "libgmp10"),
    *("libp11-kit0", "libtasn1-6", "libunistring2"),
)
_QEMU = ("qemu-user-static",)


def _recipe(packages: tuple[str, ...]) -> str:
    return " ".join(["1", SUITE, *packages]) + "\n"


def _unpack(packages: tuple[str, ...], folder: Path) -> None:
    """Unpacks packages into a folder, as if it were the root of a machine. Raises Unavailable or Failed."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Unavailable(
            f"tools for other machines are Debian's for x86_64, and this is {platform.machine()} ({sys.platform})"
        )
    downloads = Apt(folder / ".apt", "deb", SUITE).fetch("download", *(f"{name}/{SUITE}" for name in packages))
    for package in sorted(downloads.glob("*.deb")):
        run(["dpkg-deb", "--extract", package, folder], f"unpacking {package.name}", cwd=folder)
    shutil.rmtree(folder / ".apt")


def llvm_present(root: Path) -> Path | None:
    """The prefix of an LLVM with all targets and a linker that needs no fetching, if there is one."""
    debian = Path("/usr/lib/llvm-19")
    if all(os.access(debian / "bin" / tool, os.X_OK) for tool in ("clang", "ld.lld", "llvm-readobj")):
        return debian
    folder = root / "llvm-19-all"
    return _prefix(folder) if stamped(folder, _recipe(_LLVM)) else None


def llvm(root: Path) -> Path:
    """The prefix of an LLVM 19 with all targets and a linker. Raises Unavailable or Failed."""

    def make(folder: Path) -> None:
        _unpack(_LLVM, folder)
        libraries = _prefix(folder) / "lib"
        for library in sorted(folder.glob("**/x86_64-linux-gnu/*.so*")):
            link = libraries / library.name
            link.unlink(missing_ok=True)  # Debian's own, to where the library would be installed
            link.symlink_to(os.path.relpath(library, libraries))
        for program in ("clang", "llvm-readobj", "llvm-objdump", "lld"):
            path = _prefix(folder) / "bin" / program
            path.write_bytes(inherited_runpath(path.read_bytes()))

    return _prefix(make_once(root / "llvm-19-all", _recipe(_LLVM), f"LLVM 19 for all targets ({SUITE})", make))


def _prefix(folder: Path) -> Path:
    return folder / "usr" / "lib" / "llvm-19"


_PT_DYNAMIC = 2
_DT_NULL, _DT_RPATH, _DT_RUNPATH = 0, 15, 29


def inherited_runpath(program: bytes) -> bytes:
    """Makes a program's search path for libraries count for the libraries of its libraries, too.

    They are told apart by a tag in the dynamic section (man 8 ld.so): DT_RUNPATH is for the program's own, but
    libxml2, which libLLVM needs, looks for ICU and has no path of its own. Raises Failed.
    """
    if program[:6] != b"\x7fELF\x02\x01":
        raise Failed("not a program for 64-bit little-endian Linux")
    patched = bytearray(program)
    (headers,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    for index in range(count):
        kind, _flags, offset = struct.unpack_from("<IIQ", program, headers + index * size)
        if kind != _PT_DYNAMIC:
            continue
        while (tag := struct.unpack_from("<q", program, offset)[0]) != _DT_NULL:
            if tag == _DT_RUNPATH:
                struct.pack_into("<q", patched, offset, _DT_RPATH)
            offset += 16
    return bytes(patched)


@dataclass(frozen=True)
class Machine:
    """Another machine's Linux, as Debian's cross packages have it: the name of its port, and its triple."""

    debian: str
    triple: str

    @property
    def packages(self) -> tuple[str, ...]:
        """The C library, and what the compiler's own comes with."""
        names = ("libc6-dev", "libc6", "linux-libc-dev", "libgcc-12-dev", "libgcc-s1")
        return tuple(f"{name}-{self.debian}-cross" for name in names)

    def folder(self, root: Path) -> Path:
        """Where they are unpacked."""
        return root / f"sysroot-{self.debian}"

    def present(self, root: Path) -> Path | None:
        """The folder to be given as clang's --sysroot, if it is there."""
        folder = self.folder(root)
        return folder if stamped(folder, _recipe(self.packages)) else None

    def bring(self, root: Path) -> Path:
        """The same, brought if it is not there. Raises Unavailable or Failed."""

        def make(folder: Path) -> None:
            _unpack(self.packages, folder)
            # Packages for cross compilers have folders of their own; these names are where a machine has them.
            for name, target in (
                ("lib", f"usr/{self.triple}/lib"),
                ("usr/include", f"{self.triple}/include"),
                ("usr/lib/gcc", "gcc-cross"),
                (f"usr/lib/{self.triple}", f"../{self.triple}/lib"),
            ):
                (folder / name).symlink_to(target)

        what = f"the C library of {self.triple} ({SUITE})"
        return make_once(self.folder(root), _recipe(self.packages), what, make)


_AARCH64 = Machine("arm64", "aarch64-linux-gnu")
_I686 = Machine("i386", "i686-linux-gnu")


def emulator_present(root: Path) -> Path | None:
    """The folder of an emulator of AArch64 processes that needs no fetching, if there is one."""
    if installed := shutil.which(_EMULATOR):
        return Path(installed).parent
    folder = root / "qemu"
    return folder / "usr" / "bin" if stamped(folder, _recipe(_QEMU)) else None


def emulator(root: Path) -> Path:
    """The folder of the emulator of AArch64 processes. Raises Unavailable or Failed."""

    def make(folder: Path) -> None:
        _unpack(_QEMU, folder)
        for program in folder.glob("usr/bin/*"):
            if program.name != _EMULATOR:
                program.unlink()  # of other machines, 200 MB in all

    return make_once(root / "qemu", _recipe(_QEMU), f"an emulator of AArch64 ({SUITE})", make) / "usr" / "bin"


Finder = Callable[[Path], Path | None]
Bringer = Callable[[Path], Path]

# By variable: a file in the place by which it is known, what finds it, what brings it.
PLACES: dict[str, tuple[str, Finder, Bringer]] = {
    "COPYPATCH_LLVM_ALL": ("bin/ld.lld", llvm_present, llvm),
    "COPYPATCH_SYSROOT_AARCH64": ("usr/include/stdio.h", _AARCH64.present, _AARCH64.bring),
    "COPYPATCH_SYSROOT_I686": ("usr/include/stdio.h", _I686.present, _I686.bring),
    "COPYPATCH_QEMU_AARCH64": (_EMULATOR, emulator_present, emulator),
}

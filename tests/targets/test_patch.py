"""Every patch function: what it wrote is executed where this machine or qemu-user can, and decoded elsewhere."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from copypatch import far_calls
from copypatch.relocations import patch_functions
from support.trees import ROOT
from targets.machines import AArch64

_RUN_TIME = ROOT / "uop_templates"
_PAGE = 4096
_VALUE = 0x1122334455667788
_executed = pytest.mark.skipif(platform.machine() != "x86_64", reason="executes code for x86-64")


class Library:
    """patch.c, with room for code: *near* is executable, and *far* is more than 2 GiB away from it."""

    def __init__(self, path: Path) -> None:
        self.failures: list[str] = []
        self._functions = ctypes.CDLL(str(path))
        handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_uint64)
        # Kept, as ctypes does not.
        self._handler = handler(lambda function, reason, location, value: self.failures.append(reason.decode()))
        self._functions.patch_set_failure_handler(self._handler)
        self.near = self._map(0)
        # Below, as the kernel may have put the other one so near the end of all addresses that there is no above.
        self.far = self._map(self.near - (1 << 36))
        assert abs(self.far - self.near) > 1 << 31

    def _map(self, hint: int) -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        address = libc.mmap(hint or None, 16 * _PAGE, protection, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        assert address not in {None, ctypes.c_void_p(-1).value}, os.strerror(ctypes.get_errno())
        return int(address)

    def call(self, function: str, location: int, value: int) -> list[str]:
        """Call a patch function; return the reasons of failure that it gave."""
        self.failures.clear()
        getattr(self._functions, function)(ctypes.c_void_p(location), ctypes.c_uint64(value))
        return list(self.failures)

    def word(self, function: str, word: int, value: int, at: int = 0) -> int:
        """Patch a word of 32 bits at an offset in *near*; return what it became."""
        write(self.near + at, word.to_bytes(4, "little"))
        assert self.call(function, self.near + at, value % (1 << 64)) == []
        return int.from_bytes(read(self.near + at, 4), "little")

    def refuses(self, function: str, word: int, value: int) -> str:
        """Return the reason for which a word can't be patched, and see that it is as it was."""
        write(self.near, word.to_bytes(4, "little"))
        (reason,) = self.call(function, self.near, value % (1 << 64))
        assert read(self.near, 4) == word.to_bytes(4, "little")
        return reason

    def reaches(self, value: int) -> bool:
        """patch_aarch64_26r_reaches, from the start of *near*."""
        return bool(self._functions.patch_aarch64_26r_reaches(ctypes.c_void_p(self.near), ctypes.c_uint64(value)))


def write(address: int, content: bytes) -> None:
    ctypes.memmove(address, content, len(content))


def read(address: int, size: int) -> bytes:
    return ctypes.string_at(address, size)


def execute(address: int) -> int:
    """Call the function at an address, which returns 64 bits."""
    return int(ctypes.CFUNCTYPE(ctypes.c_uint64)(address)())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler (cc) on this machine")
    path = tmp_path_factory.mktemp("patch") / "libpatch.so"
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(path)]
    subprocess.run([*command, str(_RUN_TIME / "patch.c")], check=True)
    return Library(path)


def test_the_run_time_has_every_patch_function_of_the_dialect_and_this_file_tests_each() -> None:
    declared = set(re.findall(r"^void (patch_\w+)\(unsigned", (_RUN_TIME / "patch.h").read_text(), re.MULTILINE))
    # A record that only has the addend of the next one needs no function.
    wanted = set(patch_functions("embedded", paired=False).values()) - {""}
    assert declared >= wanted
    # The one that takes an ordinal is the JIT's, on top of two of these.
    assert f"\n{far_calls.PATCH_FUNCTION}(" in (_RUN_TIME / "jit.c").read_text()
    tested = Path(__file__).read_text() + Path(__file__).with_name("patched_aarch64.c").read_text()
    assert {name for name in declared if tested.count(name) < 1} == set()


# -- Absolute and relative values --------------------------------------------------------------------------------


def test_32(library: Library) -> None:
    assert library.word("patch_32", 0, 0xFFFFFFFF, at=3) == 0xFFFFFFFF
    assert "more than 32 bits" in library.refuses("patch_32", 7, 1 << 32)
    assert "more than 32 bits" in library.refuses("patch_32", 7, -1)


def test_64(library: Library) -> None:
    library.call("patch_64", library.near + 5, _VALUE)
    assert read(library.near + 5, 8) == struct.pack("<Q", _VALUE)


@pytest.mark.parametrize("offset", [0, 1, -4, 4096, (1 << 31) - 1, -(1 << 31)])
def test_32r(library: Library, offset: int) -> None:
    word = library.word("patch_32r", 0, library.near + 3 + offset, at=3)
    assert word == offset % (1 << 32)


@pytest.mark.parametrize("offset", [1 << 31, -(1 << 31) - 1, 1 << 40])
def test_32r_out_of_range(library: Library, offset: int) -> None:
    assert "2 GiB away" in library.refuses("patch_32r", 7, library.near + offset)


@_executed
def test_absolute_and_relative_values_executed(library: Library) -> None:
    write(library.near, b"\x48\xb8" + bytes(8) + b"\xc3")  # movabs rax, imm64; ret
    library.call("patch_64", library.near + 2, _VALUE)
    assert execute(library.near) == _VALUE
    write(library.near, b"\xb8" + bytes(4) + b"\xc3")  # mov eax, imm32; ret
    library.call("patch_32", library.near + 1, 0xDEADBEEF)
    assert execute(library.near) == 0xDEADBEEF
    write(library.near + 2 * _PAGE, _returning(7))
    for start in (library.near, library.near + 4 * _PAGE):  # forwards and backwards
        write(start, b"\xe9" + bytes(4))  # jmp rel32
        library.call("patch_32r", start + 1, library.near + 2 * _PAGE - 4)
        assert execute(start) == 7


# -- x86: the load of an address that becomes the address --------------------------------------------------------


class Load:
    """An instruction of x86-64 that uses an entry of the offset table, and code around it that returns."""

    def __init__(self, library: Library, before: bytes, after: bytes = b"") -> None:
        self.library = library
        self.code, self.entry = library.near, library.near + _PAGE
        write(self.code, before + bytes(4) + after + b"\xc3")
        self.hole = self.code + len(before)

    def patch(self, symbol: int) -> bytes:
        """Patch it for a symbol; return the two bytes in front of the hole."""
        write(self.entry, struct.pack("<Q", symbol))
        assert self.library.call("patch_x86_64_32rx", self.hole, self.entry - 4) == []
        return read(self.hole - 2, 2)

    def target(self) -> int:
        """What the hole points to."""
        return self.hole + 4 + int(struct.unpack("<i", read(self.hole, 4))[0])

    def forget(self) -> None:
        """Make the entry useless: what is relaxed does not read it."""
        write(self.entry, bytes(8))


def _returning(number: int) -> bytes:
    return b"\xb8" + struct.pack("<I", number) + b"\xc3"


# The instruction, what follows it, and the two bytes in front of the hole once it is relaxed.
_MOV = (b"\x48\x8b\x05", b"", b"\x8d\x05")  # mov rax, [rip + entry] -> lea rax, [rip + symbol]
_CALL = (b"\x48\x83\xec\x08\xff\x15", b"\x48\x83\xc4\x08", b"\x90\xe8")  # call [rip + entry] -> nop; call symbol
_JMP = (b"\xff\x25", b"", b"\x90\xe9")  # jmp [rip + entry] -> nop; jmp symbol
_CMP = (b"\x31\xc0\x48\x39\x05", b"\x0f\x94\xc0", b"\x39\x05")  # cmp [rip + entry], rax; sete al


@pytest.mark.parametrize(("before", "after", "relaxed"), [_MOV, _CALL, _JMP])
def test_32rx_near_is_relaxed(library: Library, before: bytes, after: bytes, relaxed: bytes) -> None:
    load, symbol = Load(library, before, after), library.near + 2 * _PAGE
    assert load.patch(symbol) == relaxed
    assert load.target() == symbol


@pytest.mark.parametrize(("before", "after", "relaxed"), [_MOV, _CALL, _JMP])
def test_32rx_far_reads_the_entry(library: Library, before: bytes, after: bytes, relaxed: bytes) -> None:
    load = Load(library, before, after)
    assert load.patch(library.far) == before[-2:]
    assert load.target() == load.entry


def test_32rx_of_another_instruction_reads_the_entry(library: Library) -> None:
    before, after, unchanged = _CMP
    load = Load(library, before, after)
    assert load.patch(library.near + 2 * _PAGE) == unchanged
    assert load.target() == load.entry


@pytest.mark.parametrize("edge", [(1 << 31) - 1, -(1 << 31)])
def test_32rx_at_the_edge_of_its_reach(library: Library, edge: int) -> None:
    before, after, relaxed = _MOV
    load = Load(library, before, after)
    beyond = 1 if edge > 0 else -1
    assert load.patch(load.hole + 4 + edge) == relaxed
    load = Load(library, before, after)
    assert load.patch(load.hole + 4 + edge + beyond) == before[-2:]


def test_32rx_of_an_entry_out_of_reach(library: Library) -> None:
    write(library.near, b"\x48\x8b\x05" + bytes(4))
    write(library.far, struct.pack("<Q", library.far))
    (reason,) = library.call("patch_x86_64_32rx", library.near + 3, library.far - 4)
    assert "2 GiB away" in reason
    assert read(library.near, 7) == b"\x48\x8b\x05" + bytes(4)


@_executed
@pytest.mark.parametrize("place", ["near", "far"])
def test_32rx_executed(library: Library, place: str) -> None:
    symbol = library.near + 2 * _PAGE if place == "near" else library.far
    write(symbol, _returning(42))
    for instruction, expected in ((_MOV, symbol), (_CALL, 42), (_JMP, 42)):
        load = Load(library, *instruction[:2])
        load.patch(symbol)
        if place == "near":
            load.forget()
        assert execute(load.code) == expected
    load = Load(library, *_CMP[:2])
    load.patch(0)
    assert execute(load.code) == 1
    load.patch(symbol)
    assert execute(load.code) == 0


# -- AArch64: decoded --------------------------------------------------------------------------------------------


def _pages(word: int) -> int:
    """The distance of an adrp: its immediate, low two bits first (C6.2.13 of the Arm manual)."""
    assert word & 0x9F00001F == 0x90000000
    pages = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
    return pages - (1 << 21) if pages >> 20 else pages


@pytest.mark.parametrize("pages", [0, 1, 2, -1, 4096, (1 << 20) - 1, -(1 << 20)])
@pytest.mark.parametrize("low", [0, 0xFFF])
def test_aarch64_21r(library: Library, pages: int, low: int) -> None:
    # Where in its page the instruction is makes no difference.
    for at in (0, 0xFFC):
        word = library.word("patch_aarch64_21r", 0x90000000, library.near + pages * _PAGE + low, at=at)
        assert _pages(word) == pages


def test_aarch64_21r_refuses(library: Library) -> None:
    for pages in (1 << 20, -(1 << 20) - 1):
        assert "4 GiB away" in library.refuses("patch_aarch64_21r", 0x90000000, library.near + pages * _PAGE)
    assert "not an adrp" in library.refuses("patch_aarch64_21r", 0x10000000, library.near)  # adr


# Instructions with an offset of 12 bits, by what they move (bytes): add, then loads and stores.
_LOW_12 = {
    0x91000000: 1,  # add x0, x0
    0x11000000: 1,  # add w0, w0
    0x39400000: 1,  # ldrb w0
    0x3D400000: 1,  # ldr b0
    0x79400000: 2,  # ldrh w0
    0x7D400000: 2,  # ldr h0
    0xB9400000: 4,  # ldr w0
    0xB9800000: 4,  # ldrsw x0
    0xBD400000: 4,  # ldr s0
    0xF9400000: 8,  # ldr x0
    0xF9000000: 8,  # str x0
    0xFD400000: 8,  # ldr d0
    0x3DC00000: 16,  # ldr q0
    0x3D800000: 16,  # str q0
}


@pytest.mark.parametrize(("word", "size"), list(_LOW_12.items()), ids=lambda number: f"{number:#x}")
def test_aarch64_12(library: Library, word: int, size: int) -> None:
    for low in (0, size, 0x1000 - size):
        patched = library.word("patch_aarch64_12", word, 0x123456000 + low)
        assert patched & ~(0xFFF << 10) == word
        assert (patched >> 10 & 0xFFF) * size == low
        # What was in the field does not shine through.
        assert library.word("patch_aarch64_12", word | 0xFFF << 10, 0x123456000 + low) == patched
    if size > 1:
        assert "not aligned" in library.refuses("patch_aarch64_12", word, 0x123456000 + size // 2)


@pytest.mark.parametrize("word", [0x94000000, 0x90000000, 0xF8400000, 0xA9400000])  # bl, adrp, ldur, ldp
def test_aarch64_12_refuses_other_instructions(library: Library, word: int) -> None:
    assert "not an add, load or store" in library.refuses("patch_aarch64_12", word, 0)


@pytest.mark.parametrize(("quarter", "word"), list(enumerate([0xD2800000, 0xF2A00000, 0xF2C00000, 0xF2E00000])))
def test_aarch64_16(library: Library, quarter: int, word: int) -> None:
    function = f"patch_aarch64_16{'abcd'[quarter]}"
    patched = library.word(function, word, _VALUE)
    assert patched == word | (_VALUE >> 16 * quarter & 0xFFFF) << 5
    assert library.word(function, word | 0xFFFF << 5, _VALUE) == patched
    for other in {"a", "b", "c", "d"} - {"abcd"[quarter]}:
        assert "not a move to this quarter" in library.refuses(f"patch_aarch64_16{other}", word, _VALUE)
    assert "not a move" in library.refuses(function, 0x91000000, _VALUE)


@pytest.mark.parametrize("word", [0x14000000, 0x94000000])  # b, bl
@pytest.mark.parametrize("offset", [0, 4, -4, (1 << 27) - 4, -(1 << 27)])
def test_aarch64_26r(library: Library, word: int, offset: int) -> None:
    patched = library.word("patch_aarch64_26r", word, library.near + offset)
    assert patched & 0xFC000000 == word
    assert (patched & 0x03FFFFFF) == (offset >> 2) % (1 << 26)
    assert library.reaches(library.near + offset)


def test_aarch64_26r_refuses(library: Library) -> None:
    for offset in (1 << 27, -(1 << 27) - 4):
        assert "128 MiB away" in library.refuses("patch_aarch64_26r", 0x94000000, library.near + offset)
        assert not library.reaches(library.near + offset)
    assert "not aligned" in library.refuses("patch_aarch64_26r", 0x94000000, library.near + 2)
    assert "not a branch" in library.refuses("patch_aarch64_26r", 0x54000000, library.near)  # b.eq


def test_aarch64_trampoline(library: Library) -> None:
    library.call("patch_aarch64_write_trampoline", library.near, _VALUE)
    # ldr x16, .+8; br x16; the address
    assert read(library.near, 16) == struct.pack("<IIQ", 0x58000050, 0xD61F0200, _VALUE)


# -- AArch64: executed -------------------------------------------------------------------------------------------

_LINES = (
    *("add", "ldrb", "ldrh", "ldr w", "ldr x", "ldr s", "ldr d", "ldr q", "str w", "adrp", "movz, movk"),
    *("b forwards", "b backwards", "bl", "far", "bl, trampoline"),
)


@pytest.mark.build
def test_aarch64_executed(aarch64: AArch64, tmp_path: Path) -> None:
    program = tmp_path / "patched"
    sources = [Path(__file__).with_name("patched_aarch64.c"), _RUN_TIME / "patch.c"]
    flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{_RUN_TIME}"]
    subprocess.run(aarch64.compile(*flags, *sources, "-o", program), check=True)
    done = subprocess.run(aarch64.run(program), capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == list(_LINES), done.stderr
    assert done.returncode == 0

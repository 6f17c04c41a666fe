"""Assembly of many uops in one process: the objects are those of clang's assembler, for every target."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from copypatch import assemble
from copypatch.assemble import Assembler, module, without_nameless_file
from copypatch.compile_step import CompileReport, Stage
from copypatch.dialects import cpython_3_15, reproducible_flags
from copypatch.paths import Paths
from copypatch.process import Runner
from copypatch.shards import Proofs
from copypatch.triples import PLATFORMS, ObjectFormat, parse

pytestmark = pytest.mark.build

# Calls, a switch, strings with what has to be escaped, constants, data of its own, a branch over much code.
_SOURCE = r"""
extern int f{number}(const char *, double);
extern __attribute__((visibility("hidden"))) int hidden;
static const char *const names[] = {{ "one \"{number}\"", "two\\\t\n\1", "dr\xc3\xbc\xff" }};
static volatile int counter = {number};
int _JIT_ENTRY(int n) {{
    switch (n) {{
        case 0: return f{number}(names[counter], {number}.25);
        case 1: f{number}("three", 1); break;
        case 2: counter++; break;
        case 3: return hidden;
        case 4: f{number}("five", 1e100); hidden = 2; break;
        case 5: counter += f{number}(names[n], 3); break;
    }}
    for (int i = 0; i < {number}; i++) {{ counter += i * hidden; }}
    return counter;
}}
"""
# Behind it, by hand: numbered labels, code that is aligned, a branch that is relaxed, bytes that are not UTF-8.
_BY_HAND = {
    "x86": "\t.text\n1:\tjmp 1b\n\tje 2f\n\tnop\n\t.p2align 6\n\t.zero 300, 0x90\n2:\tincl %eax; decl %eax\n",
    "a64": "\t.text\n1:\tb 1b\n\tcbz x0, 2f\n\tnop\n\t.p2align 6\n\t.zero 300\n2:\tadd x0, x0, #1\n",
}
_COUNT = 4


class Bench:
    """Assembly files for a target, and an assembler for them."""

    def __init__(self, folder: Path, llvm: Path, triple: str, count: int = _COUNT) -> None:
        self.target = parse(triple)
        self.said: list[str] = []
        self.clang = llvm / "bin" / "clang"
        self.paths = Paths(folder)
        self.step = cpython_3_15.STEPS[-1]
        self.names = [f"_OP_{number}" for number in range(count)]
        for path in (self.assembly("_"), self.paths.object("_"), self.paths.intermediate("_", ".ll")):
            path.parent.mkdir()
        kind = "a64" if triple.startswith("aarch64") else "x86"
        for number, name in enumerate(self.names):
            (folder / f"{name}.c").write_text(_SOURCE.format(number=number), encoding="utf-8")
            flags = [f"--target={triple}", "-Os", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-S"]
            output = self.assembly(name)
            subprocess.run([self.clang, *flags, "-w", "-o", output, f"./{name}.c"], cwd=folder, check=True)
            with output.open("ab") as file:
                file.write(_BY_HAND[kind].encode() + b'\t.asciz "dr\xfc \\\\ \\" # ; nop"\n')

    def assembly(self, name: str) -> Path:
        return self.paths.intermediate(name, ".opt.s")

    def edit(self, name: str, change: Callable[[bytes], bytes]) -> None:
        self.assembly(name).write_bytes(change(self.assembly(name).read_bytes()))

    def command(self, output: str, source: str) -> list[str]:
        flags = [*self.step.flags, *reproducible_flags(self.target.platform)]
        return [str(self.clang), f"--target={self.target.triple}", *flags, "-o", output, source]

    def run(self, names: Sequence[str] | None = None, runner: Runner | None = None) -> CompileReport:
        plan: Any = SimpleNamespace(
            paths=self.paths,
            compile_command=lambda _name, _step, source, output: self.command(output, source),
            request=SimpleNamespace(
                name="here",
                shards=True,
                identity="this clang",
                entry="shim",
                target=self.target,
                steps=lambda _name: cpython_3_15.STEPS,
                tree=SimpleNamespace(sources=SimpleNamespace(entry=Path("shim.c"))),
            ),
        )
        stage = Stage(plan, self.step, len(cpython_3_15.STEPS) - 1, self.paths)
        proofs = Proofs(self.paths.proofs)
        return Assembler(stage, runner or Runner(2), self.said.append, proofs).run(names or self.names)

    def by_the_driver(self, name: str) -> bytes:
        output = self.paths.folder / "alone.o"
        source = self.assembly(name)
        subprocess.run(self.command(str(output), f"./{source.name}"), cwd=source.parent, check=True)
        return output.read_bytes()


class Counting(Runner):
    """A runner that counts."""

    def __init__(self) -> None:
        super().__init__(2)
        self.count = 0

    def run(self, *arguments: Any, **options: Any) -> Any:
        self.count += 1
        return super().run(*arguments, **options)


@pytest.fixture
def bench(tmp_path: Path, llvm_19: Path) -> Bench:
    return Bench(tmp_path, llvm_19, "x86_64-unknown-linux-gnu")


@pytest.mark.parametrize("triple", [platform.example for platform in PLATFORMS])
def test_every_target(place: Callable[[str], Path], tmp_path: Path, triple: str) -> None:
    bench = Bench(tmp_path, place("COPYPATCH_LLVM_ALL"), triple)
    report = bench.run()
    assert sorted(report.sharded) == bench.names
    assert (report.messages, bench.said) == ("", [])
    for name in bench.names:
        assert bench.paths.object(name).read_bytes() == bench.by_the_driver(name), name
    assert not list(bench.paths.folder.glob("ll/*"))


def test_how_many_processes(bench: Bench) -> None:
    first, second = Counting(), Counting()
    bench.run(runner=first)
    bench.run(runner=second)
    # How the driver would do it, all of them, and two for the proof; then what is known is known.
    assert (first.count, second.count) == (4, 2)


@pytest.mark.parametrize(
    "words",
    [
        b"\t.cfi_sections .debug_frame\n",
        b"\tnop; .cfi_sections .debug_frame\n",
        b"here: .macro much\n\tnop\n\t.endm\n\tmuch\n",
        b'\t.file 1 "x.c"\n\t.loc 1 1 1\n\tnop\n',
    ],
)
def test_what_may_mean_something_else_is_assembled_alone(bench: Bench, words: bytes) -> None:
    bench.edit("_OP_3", lambda text: text + b"\t.text\n" + words)
    report = bench.run()
    assert report.alone == ["_OP_3"]
    assert len(report.sharded) == _COUNT - 1
    for name in bench.names:
        assert bench.paths.object(name).read_bytes() == bench.by_the_driver(name), name


@pytest.mark.parametrize("lost", [b"\t.file", b"note.GNU-stack"])
def test_what_a_module_would_add_is_not_added(bench: Bench, lost: bytes) -> None:
    bench.edit("_OP_0", lambda text: b"".join(line for line in text.splitlines(True) if lost not in line))
    assert bench.run().alone == ["_OP_0"]
    assert bench.paths.object("_OP_0").read_bytes() == bench.by_the_driver("_OP_0")


def test_what_a_module_says_is_proved_for_those_words(place: Callable[[str], Path], tmp_path: Path) -> None:
    """Some promise something else than a module would: they are found out, and no other is taken for theirs."""
    bench = Bench(tmp_path, place("COPYPATCH_LLVM_ALL"), "x86_64-pc-windows-msvc", 6)
    others = bench.names[:3]
    for name in others:
        bench.edit(name, lambda text: re.sub(rb"(\.set )?@feat\.00(,| =) 0\n", b"@feat.00 = 16\n", text))
    report = bench.run()
    assert sorted(report.alone) == others
    assert [words.partition(": ")[2] for words in bench.said] == [
        "every uop is assembled alone: _OP_0 comes out differently from what the driver makes"
    ]
    for name in bench.names:
        assert bench.paths.object(name).read_bytes() == bench.by_the_driver(name), name


@pytest.mark.parametrize("broken", [[0], [1, 2], [0, 1, 2, 3]], ids=str)
def test_what_cannot_be_assembled_is_told(bench: Bench, broken: list[int]) -> None:
    names = [bench.names[number] for number in broken]
    for name in names:
        bench.edit(name, lambda text: text + b"\tno_such_instruction\n")
    report = bench.run()
    assert sorted(report.failed) == names
    assert report.messages.count("error: ") == len(names)
    for name in names:
        assert f"./{name}.opt.s:" in report.messages
        assert not bench.paths.object(name).exists()
    assert sorted([*report.sharded, *report.alone]) == [name for name in bench.names if name not in names]


def test_a_warning_is_the_drivers(bench: Bench) -> None:
    bench.edit("_OP_1", lambda text: text + b'\t.section .text,"aw"\n\t.warning "told"\n')
    bench.edit("_OP_2", lambda text: text + b"\tsalw %eax\n")
    report = bench.run()
    assert "./_OP_1.opt.s:" in report.messages
    assert "./_OP_2.opt.s:" in report.messages
    assert "inline asm" not in report.messages


def test_another_writer_of_objects_is_found_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were modules to come out differently, each uop is assembled alone, and that is remembered."""
    plain = assemble.Module.ir
    monkeypatch.setattr(assemble.Module, "ir", lambda one, triple: plain(one, triple) + 'module asm "nop"\n')
    for _ in range(2):
        bench.said.clear()
        report = bench.run()
        assert sorted(report.alone) == bench.names
        assert len(bench.said) == 1
        for name in bench.names:
            assert bench.paths.object(name).read_bytes() == bench.by_the_driver(name), name


def test_an_object_that_is_no_object() -> None:
    assert without_nameless_file(b"") is None
    assert without_nameless_file(bytes(100)) is None
    assert without_nameless_file(b"x" * 100) is None


def test_a_name_that_clang_would_shorten() -> None:
    assert module('\t.file\t"a/b.c"\n\t.section\t".note.GNU-stack"\n', ObjectFormat.ELF) is None
    assert module('\t.file\t"b.c"\n\t.section\t".note.GNU-stack"\n', ObjectFormat.ELF) is not None

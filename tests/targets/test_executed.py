"""The stencils of all seven targets, executed on this machine: the demo with its programs and checks.

Holes that were not filled right do not survive that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.scons import Scons, texts
from targets.conftest import KINDS, TRIPLES, UOPS, Built
from targets.machines import Machines

pytestmark = [pytest.mark.build, pytest.mark.slow]


@pytest.fixture(scope="module")
def machines(llvm_all: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    return Machines(trees.ROOT / "uop_templates", tmp_path_factory.mktemp("machines"), llvm_all, request)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("triple", TRIPLES)
def test_the_demo_runs(built: Built, machines: Machines, tmp_path: Path, triple: str, kind: str) -> None:
    output = machines.of(triple).demo(built.headers[kind][f"jit_stencils-{triple}.h"], tmp_path)
    assert output.endswith("\nall results are equal\n")
    # Compiled at once and far away, every uop and every way of reaching a function was executed.
    assert f"uops executed as machine code: {UOPS} of {UOPS}" in output


# Uops with constants and data of every kind that a compiler puts somewhere; each takes a small number. CPython's
# generators, and so our other dialects, break on some of these or get them wrong.
_ODD_UOPS = {
    # Pointers in data, into the middle of things. As the table's own address is taken, it stays one of pointers.
    "_ODD_POINTERS": """
            static const char text[] = "owl";
            static const char other[] = "even number";
            static const char *const inner[] = {&text[1], &text[2], &other[3]};
            const char *const *volatile table = inner;
            stack_pointer[0].i = table[CURRENT_OPARG() % 3][0];""",
    # The compiler makes a table of distances of this one. No patch function can express Darwin's on x86-64.
    "_ODD_DISTANCES": """
#if defined(__APPLE__) && defined(__x86_64__)
            static const char *const volatile names[] = {"", "a", "ab", "abc"};
#else
            static const char *const names[] = {"", "a", "ab", "abc"};
#endif
            const char *name = names[CURRENT_OPARG() & 3];
            stack_pointer[0].i = 0;
            while (*name) {
                stack_pointer[0].i += *name++;
            }""",
    # Code that points into the middle of a table.
    "_ODD_OFFSET": """
            static const int64_t table[6] = {5, 3, 1, 1000000007, 9, 12};
            const int64_t *volatile middle = &table[2];
            stack_pointer[0].i = middle[CURRENT_OPARG() % 4];""",
    # Constants of 16 bytes, which are loaded by instructions that insist on their alignment, and odd neighbours.
    "_ODD_VECTORS": """
            static const volatile char text[] = "xyz!";
            cp_value *values = frame->locals + 250;
            values[0].i = 81985529;
            values[1].i = 7777777777;
            values[2].i = 3;
            values[3].i = -5;
            volatile cp_value *read = values;
            stack_pointer[0].i = read[CURRENT_OPARG() % 4].i + text[3];""",
    # Compared with immediates of all sizes: the instruction goes on behind the address. And zero-filled data.
    "_ODD_SIZES": """
            static volatile int64_t zero;
            static volatile int64_t seeded = 9;
            static const volatile int8_t tiny = -4;
            static const volatile int16_t small = 300;
            static const volatile int32_t large = 1000000;
            stack_pointer[0].i = zero + seeded + CURRENT_OPARG();
            stack_pointer[0].i += tiny == -4 ? 10 : 0;
            stack_pointer[0].i += small == 300 ? 100 : 0;
            stack_pointer[0].i += large == 1000000 ? 1000 : 0;""",
    "_ODD_FLOATS": """
            stack_pointer[0].i = (int64_t)(CURRENT_OPARG() * 3.25 + 1e10);""",
}
_ODD_RESULTS = {
    "_ODD_POINTERS": {0: ord("w"), 1: ord("l"), 2: ord("n")},
    "_ODD_DISTANCES": {0: 0, 1: 97, 3: 97 + 98 + 99},
    "_ODD_OFFSET": {0: 1, 1: 1000000007, 3: 12},
    "_ODD_VECTORS": {0: 81985529 + 33, 1: 7777777777 + 33, 2: 36, 3: 28},
    "_ODD_SIZES": {5: 1124},
    "_ODD_FLOATS": {4: 10000000013, 65535: 10000212988},
}


@dataclass(frozen=True)
class Odd:
    """The embedded templates with the odd uops, built for all targets."""

    headers: dict[str, bytes]
    machines: Machines


@pytest.fixture(scope="module")
def odd(
    llvm_all: Path, home: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Odd:
    folder = tmp_path_factory.mktemp("odd")
    project = trees.copy_project(folder / "project")
    templates = project / "uop_templates"
    cases, ids, programs = (templates / name for name in ("executor_cases.c.h", "uop_ids.h", "conformance.c"))
    added = ""
    for name, body in _ODD_UOPS.items():
        added += (
            f"        case {name}: {{{body}\n            stack_pointer += 1;\n            break;\n        }}\n\n"
        )
        trees.edit(ids, "    X(_STRING_BYTE, NONE)", f"    X({name}, COUNT) \\\n    X(_STRING_BYTE, NONE)")
    text = cases.read_text(encoding="utf-8")
    first = text.index("        case _")
    cases.write_text(text[:first] + added + text[first:], encoding="utf-8")
    # Each in a program that ends with its result. The names of uops are without the underscore in a program.
    examples = [
        f'{{.name = "{name}_{number}", .text = "nop {name[1:].lower()} {number} return_value int", '
        f'.quick_result = "{result}"}},'
        for name, results in _ODD_RESULTS.items()
        for number, result in results.items()
    ]
    text = programs.read_text(encoding="utf-8")
    text, count = re.subn(
        r"(?m)^const cp_example cp_conformance\[\] = \{$", lambda match: "\n".join([match[0], *examples]), text
    )
    assert count == 1
    programs.write_text(text, encoding="utf-8")
    scons = Scons(home, project=project, variables={"out": folder / "out", "llvm": llvm_all})
    scons.ok(target=",".join(TRIPLES))
    return Odd(texts(folder / "out"), Machines(templates, folder / "machines", llvm_all, request))


@pytest.mark.parametrize("triple", TRIPLES)
def test_constants_and_data_of_every_kind(odd: Odd, tmp_path: Path, triple: str) -> None:
    output = odd.machines.of(triple).demo(odd.headers[f"jit_stencils-{triple}.h"], tmp_path)
    count = UOPS + len(_ODD_UOPS)
    assert f"uops executed as machine code: {count} of {count}" in output

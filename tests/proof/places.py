"""Places in the files of the tree, and the texts that may stand there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Something in a file that is edited: *pattern* finds each of the *alternatives*."""

    weight: int
    what: str
    path: str
    pattern: str
    alternatives: tuple[str, ...]


TEMPLATE = "Tools/jit/template.c"
MINI = "Include/internal/pycore_mini.h"
PLACES = (
    Place(3, "code", TEMPLATE, r"return \(TARGET\).*;", tuple(f"return (TARGET) + {n}; \\" for n in range(4))),
    Place(
        3,
        "comment",
        TEMPLATE,
        r"^    int oparg;.*",
        ("    int oparg;", "    int oparg; // one", "    int oparg; // two"),
    ),
    Place(2, "line", TEMPLATE, r"\n+    int oparg;", ("\n    int oparg;", "\n\n    int oparg;")),
    Place(
        3,
        "include",
        TEMPLATE,
        r'#include "Python.h"\n(.*\n)?\n',
        (
            '#include "Python.h"\n\n',
            '#include "Python.h"\n// why\n\n',
            '#include "Python.h"\n#include "refcount.h"\n\n',
        ),
    ),
    Place(
        2,
        "macro",
        "Tools/jit/jit.h",
        r"\(TYPE\)\(uintptr_t\)\(*&\(*ALIAS\)*;",
        ("(TYPE)(uintptr_t)&ALIAS;", "(TYPE)(uintptr_t)(&ALIAS);"),
    ),
    Place(
        2,
        "code",
        "Tools/jit/shim.c",
        r"call\(frame(?: \+ \d)?,",
        ("call(frame,", "call(frame + 1,", "call(frame + 2,"),
    ),
    Place(3, "code", MINI, r"salt << \d", tuple(f"salt << {n}" for n in (3, 5, 7))),
    Place(
        2,
        "comment",
        MINI,
        r"// In a debug build.*\n(?: *//.*\n)?",
        ("// In a debug build, so\n", "// In a debug build,\n    // so\n"),
    ),
    Place(
        3,
        "code",
        "Include/object.h",
        r"refcount \+= MINI_REFERENCE(?: \+ \d)?",
        ("refcount += MINI_REFERENCE", "refcount += MINI_REFERENCE + 2"),
    ),
    Place(
        2,
        "unused macro",
        "Include/object.h",
        r"^#define Py_OBJECT_H.*",
        ("#define Py_OBJECT_H", "#define Py_OBJECT_H 1"),
    ),
    Place(2, "feature", "pyconfig.h", r"MINI_FEATURE \d", tuple(f"MINI_FEATURE {n}" for n in range(3))),
    Place(
        1,
        "comment",
        "pyconfig.h",
        r"^// Stands for.*",
        ("// Stands for configure", "// Stands for what configure writes"),
    ),
    Place(
        1,
        "to the same end",
        "pyconfig.h",
        r"SIZEOF_VOID_P .*",
        ("SIZEOF_VOID_P 8", "SIZEOF_VOID_P __SIZEOF_POINTER__"),
    ),
    Place(
        2,
        "table",
        "Python/ceval_macros.h",
        r"a colour that nobody ha\w",
        ("a colour that nobody has", "a colour that nobody had"),
    ),
)

"""The edits of the random walk: of every input, of every output, and of how scons is called."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from proof import compilers
from proof.world import World

from support import trees

# An edit says what it did, or None where it cannot be done just now.
Edit = Callable[[World], str | None]

NEW = ("_NEW_1", "_NEW_2", "_NEW_3")
BODIES = (
    "            tstate->counts[1] += 1;\n            break;",
    '            mini_raise(tstate, "message 1");\n            JUMP_TO_ERROR();',
    # A macro that would reach the cases behind it, if they were not kept apart.
    "#undef MINI_REFERENCE\n#define MINI_REFERENCE 9\n            tstate->counts[2] = MINI_REFERENCE + 1;\n"
    "            break;",
    "            assert(tstate->counts[1] != 1);\n            tstate->counts[3] = __LINE__;\n            break;",
    "            tstate->names = __func__;\n            tstate->counts[0] = MINI_UNUSED + 1;\n            break;",
    "            tstate->number = mini_sqrt(MINI_FEATURE + 1);\n            break;",
)
BROKEN = "\n            this does not compile;"


def _case(world: World) -> str:
    return world.random.choice(sorted(set(world.cases) - _broken(world)) or sorted(world.cases))


def _broken(world: World) -> set[str]:
    return {name for name, body in world.cases.items() if BROKEN in body}


def _digit(world: World, text: str, pattern: str) -> str | None:
    """Change a number, to another of the same length: neither size nor shape tells."""
    found = [*re.finditer(pattern, text)]
    if not found:
        return None
    match = world.random.choice(found)
    digit = str(world.random.randint(1, 6))
    return text[: match.start(1)] + digit + text[match.end(1) :]


def add_case(world: World) -> str | None:
    free = sorted({*NEW, "_FAIL", "_GUARD"} - set(world.cases))
    if not free or len(world.cases) > 8:
        return None
    name, names = world.random.choice(free), list(world.cases)
    names.insert(world.random.randint(0, len(names)), name)
    world.cases[name] = world.random.choice(BODIES)
    world.cases = {each: world.cases[each] for each in names}
    return f"case {name} added, {world.write_cases()}"


def remove_case(world: World) -> str | None:
    if len(world.cases) < 6:
        return None
    name = _case(world)
    del world.cases[name]
    return f"case {name} removed, {world.write_cases()}"


def rename_case(world: World) -> str | None:
    free = sorted(set(NEW) - set(world.cases))
    if not free:
        return None
    name, new = _case(world), world.random.choice(free)
    if name == "_WARN":
        return None
    world.cases = {new if each == name else each: body for each, body in world.cases.items()}
    return f"case {name} renamed to {new}, {world.write_cases()}"


def reorder_cases(world: World) -> str | None:
    names = list(world.cases)
    world.random.shuffle(names)
    world.cases = {name: world.cases[name] for name in names}
    return f"cases in another order, {world.write_cases()}"


def edit_case(world: World) -> str | None:
    name = _case(world)
    body = _digit(world, world.cases[name], r"(?:\+= |message |\+ |stack_pointer\[-?|STACK_GROW\(-?)(\d)")
    if body is None:
        body = f"            tstate->counts[1] += 1;\n{world.cases[name]}"
    if body == world.cases[name]:
        return None
    world.cases[name] = body
    return f"code of {name}, {world.write_cases()}"


def comment_case(world: World) -> str | None:
    name = _case(world)
    body = re.sub(r"\n? *// note \d$|^ *// note \d\n", "", world.cases[name], flags=re.MULTILINE)
    note = f"            // note {world.random.randint(0, 9)}"
    world.cases[name] = world.random.choice([f"{note}\n{body}", f"{body}\n{note}"])
    return f"comment in {name}, {world.write_cases()}"


def space_case(world: World) -> str | None:
    name = _case(world)
    body = world.cases[name]
    world.cases[name] = world.random.choice(
        [body.replace(";", " ;", 1), body.replace(" ;", ";"), body.replace("\n  ", "\n\n  ", 1), body + "   "]
    )
    return f"white space in {name}, {world.write_cases()}"


def break_case(world: World) -> str | None:
    if _broken(world):
        return None
    name = _case(world)
    world.cases[name] += BROKEN
    return f"{name} does not compile, {world.write_cases()}"


def mend_cases(world: World) -> str | None:
    broken = _broken(world)
    if not broken:
        return None
    for name in broken:
        world.cases[name] = world.cases[name].replace(BROKEN, "")
    return f"{', '.join(sorted(broken))} compiles again, {world.write_cases()}"


def _in_file(what: str, path: str, pattern: str, alternatives: tuple[str, ...]) -> Edit:
    """An edit that puts one of several texts in the place of *pattern*, which finds all of them."""

    def edit(world: World) -> str | None:
        file = world.bench.tree / path
        if not file.is_file():
            return None
        text = file.read_text(encoding="utf-8")
        chosen = world.random.choice(alternatives)
        new, count = re.subn(pattern, lambda _: chosen, text, count=1, flags=re.MULTILINE)
        assert count == 1, f"{pattern} is not in {path}"
        if new == text:
            return None
        return f"{what} in {path}: {chosen!r}, {world.write(file, new)}"

    return edit


def touch(world: World) -> str | None:
    files = sorted(path for path in world.bench.tree.rglob("*") if path.is_file() and path.suffix in (".h", ".c"))
    file = world.random.choice(files)
    return f"touched {file.name}, {world.write(file, file.read_text(encoding='utf-8'))}"


def move_header(world: World) -> str | None:
    """From one folder of the search path to another; what includes it still finds it."""
    name = world.random.choice(["refcount.h", "pycore_uop_ids.h", "pyport.h"])
    include = world.bench.tree / "Include"
    here, there = include / name, include / "internal" / name
    if not here.is_file():
        here, there = there, here
    if not here.is_file() or there.exists():
        return None
    here.rename(there)
    return f"{name} moved to {there.parent.name}/"


def shadow_header(world: World) -> str | None:
    """Put a header before the one that is found now, or take it away again."""
    name = world.random.choice(["pycore_mini.h", "ceval_macros.h", "jit.h", "refcount.h", "Python.h"])
    shadow = world.bench.tree / name
    if shadow.exists():
        shadow.unlink()
        return f"{name} shadows no more"
    (found, *_) = sorted(path for path in world.bench.tree.rglob(name))
    text = found.read_text(encoding="utf-8")
    text = world.random.choice([text, text.replace("salt << ", "salt >> "), f"{text}\nstruct mini_shadow;\n"])
    return f"{name} in front of {found.parent.name}/{name}, {world.write(shadow, text)}"


def lose_header(world: World) -> str | None:
    """Delete a header that is needed; the next step brings it back."""
    if world.undo:
        return None
    path = world.bench.tree / "Include" / world.random.choice(["object.h", "Python.h", "internal/pycore_mini.h"])
    if not path.is_file() or (world.bench.tree / path.name).exists():
        return None
    aside = world.bench.folder / "aside"
    path.rename(aside)
    world.undo.append((aside, path))
    return f"{path.name} deleted"


def change_cflags(world: World) -> str | None:
    chosen = world.random.choice(["", "-O1", "-DUNSEEN=1", "-DMINI_FEATURE_2 -O2"])
    if chosen == world.cflags:
        return None
    world.cflags = chosen
    return f"cflags={chosen}"


def change_debug(world: World) -> str | None:
    world.debug = not world.debug
    return f"debug={int(world.debug)}"


COMPILERS = (
    ("plain", ""),
    # The same size and the same work, but another compiler.
    ("other", ""),
    ("jumps", '[ "$1" = -cc1 ] || set -- "$@" -O1'),
)


def swap_compiler(world: World) -> str | None:
    name, script = world.random.choice(COMPILERS)
    clang = world.bench.prefix / "bin" / "clang"
    before, text = os.stat(clang), clang.read_bytes()
    compilers.write_clang(world.bench.prefix, world.bench.real, name, script)
    if clang.read_bytes() == text:
        return None
    kept = world.random.random() < 0.5
    if kept:
        os.utime(clang, ns=(before.st_atime_ns, before.st_mtime_ns))
    return f"the compiler is {name}{', mtime kept' if kept else ''}"


def edit_tool(world: World) -> str | None:
    """Edit a file of the tool: so that it shows in the header, or not."""
    library = world.bench.project / "site_scons" / "copypatch"
    name, pattern, alternatives = world.random.choice(_TOOL_EDITS)
    path = library / name
    text = path.read_text(encoding="utf-8")
    chosen = world.random.choice(alternatives)
    if pattern:
        new, count = re.subn(pattern, chosen, text, count=1)
        assert count == 1, f"{pattern} is not in {name}"
    else:
        new = re.sub(r"(?:# proof \d\n)?\Z", f"# proof {world.random.randint(0, 9)}\n", text, count=1)
    if new == text:
        return None
    world.write_tool(path, new)
    return f"{name} of the tool: {chosen or 'a comment'}"


_TOOL_EDITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("fragment.py", r"_BYTES_PER_ROW = \d+", ("_BYTES_PER_ROW = 8", "_BYTES_PER_ROW = 16", "_BYTES_PER_ROW = 4")),
    ("merge.py", r"( *)// (?:AUTO|OWN)", (r"\1// OWN", r"\1// AUTO")) if False else ("merge.py", "", ("",)),
    ("fragment.py", "", ("",)),
    ("stencil.py", "", ("",)),
    ("readobj.py", "", ("",)),
    ("compile.py", "", ("",)),
    ("keys.py", "", ("",)),
)


def change_cache(world: World) -> str | None:
    world.cache = not world.cache
    return f"cache={'on' if world.cache else 'off'}"


def empty_cache(world: World) -> str | None:
    world.empty_cache()
    return "the cache is emptied"


def change_graph(world: World) -> str | None:
    world.full = not world.full
    return f"graph={'full' if world.full else 'auto'}"


def change_shards(world: World) -> str | None:
    world.shards = not world.shards
    return f"shards={'auto' if world.shards else 'off'}"


def nothing(world: World) -> str | None:
    return "nothing"


# The kinds of output, and whether the tool knows the group no more without it: for good, or its fragment too.
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


TEMPLATE = "Tools/jit/template.c"
MINI = "Include/internal/pycore_mini.h"
EDITS: tuple[tuple[int, Edit], ...] = (
    (4, add_case),
    (3, remove_case),
    (3, rename_case),
    (2, reorder_cases),
    (10, edit_case),
    (4, comment_case),
    (4, space_case),
    (3, break_case),
    (3, _in_file("code", TEMPLATE, r"return \(TARGET\).*;", tuple(f"return (TARGET) + {n}; \\" for n in range(4)))),
    (
        3,
        _in_file(
            "comment",
            TEMPLATE,
            r"^    int oparg;.*",
            ("    int oparg;", "    int oparg; // one", "    int oparg; // two"),
        ),
    ),
    (2, _in_file("line", TEMPLATE, r"\n+    int oparg;", ("\n    int oparg;", "\n\n    int oparg;"))),
    (
        3,
        _in_file(
            "include",
            TEMPLATE,
            r'#include "Python.h"\n(.*\n)?\n',
            (
                '#include "Python.h"\n\n',
                '#include "Python.h"\n// why\n\n',
                '#include "Python.h"\n#include "refcount.h"\n\n',
            ),
        ),
    ),
    (
        2,
        _in_file(
            "macro",
            "Tools/jit/jit.h",
            r"\(TYPE\)\(uintptr_t\)\(*&\(*ALIAS\)*;",
            ("(TYPE)(uintptr_t)&ALIAS;", "(TYPE)(uintptr_t)(&ALIAS);"),
        ),
    ),
    (
        2,
        _in_file(
            "code",
            "Tools/jit/shim.c",
            r"call\(frame.*,",
            ("call(frame, stack_pointer,", "call(frame + 1, stack_pointer,", "call(frame + 2, stack_pointer,"),
        ),
    )
    if False
    else (
        2,
        _in_file(
            "code",
            "Tools/jit/shim.c",
            r"call\(frame(?: \+ \d)?,",
            ("call(frame,", "call(frame + 1,", "call(frame + 2,"),
        ),
    ),
    (3, _in_file("code", MINI, r"salt << \d", tuple(f"salt << {n}" for n in (3, 5, 7)))),
    (
        2,
        _in_file(
            "comment",
            MINI,
            r"// In a debug build.*\n(?: *//.*\n)?",
            ("// In a debug build, so\n", "// In a debug build,\n    // so\n"),
        ),
    ),
    (
        3,
        _in_file(
            "code",
            "Include/object.h",
            r"refcount \+= MINI_REFERENCE(?: \+ \d)?",
            ("refcount += MINI_REFERENCE", "refcount += MINI_REFERENCE + 2"),
        ),
    ),
    (
        2,
        _in_file(
            "unused macro",
            "Include/object.h",
            r"^#define Py_OBJECT_H.*",
            ("#define Py_OBJECT_H", "#define Py_OBJECT_H 1"),
        ),
    ),
    (2, _in_file("feature", "pyconfig.h", r"MINI_FEATURE \d", tuple(f"MINI_FEATURE {n}" for n in range(3)))),
    (
        1,
        _in_file(
            "comment",
            "pyconfig.h",
            r"^// Stands for.*",
            ("// Stands for configure", "// Stands for what configure writes"),
        ),
    ),
    (
        1,
        _in_file(
            "to the same end",
            "pyconfig.h",
            r"SIZEOF_VOID_P .*",
            ("SIZEOF_VOID_P 8", "SIZEOF_VOID_P __SIZEOF_POINTER__"),
        ),
    ),
    (
        2,
        _in_file(
            "table",
            "Python/ceval_macros.h",
            r"a colour that nobody ha\w",
            ("a colour that nobody has", "a colour that nobody had"),
        ),
    ),
    (3, touch),
    (2, move_header),
    (4, shadow_header),
    (2, lose_header),
    (3, change_cflags),
    (3, change_debug),
    (3, swap_compiler),
    (4, edit_tool),
    (4, change_cache),
    (1, empty_cache),
    (4, change_graph),
    (3, change_shards),
    (1, delete_out),
    (14, damage_output),
    (1, nothing),
)


def make_one(world: World) -> str:
    """Make a random edit and say what it was; what a step before has broken is mended first, mostly."""
    if world.undo:
        here, there = world.undo.pop()
        here.rename(there)
        return f"{there.name} is back"
    if _broken(world) and world.random.random() < 0.6:
        return mend_cases(world) or "nothing"
    weights, edits = zip(*EDITS, strict=True)
    while True:
        (edit,) = world.random.choices(edits, weights)
        done = edit(world)
        if done is not None:
            return done


__all__ = ["make_one", "trees"]

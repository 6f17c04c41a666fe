"""The edits of the random walk: of every input, of every output, and of how scons is called."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from proof import compilers
from proof.outputs import damage_output, delete_out
from proof.places import PLACES, Place
from proof.world import World

# An edit says what it did, or None where it cannot be done just now.
Edit = Callable[[World], str | None]

NEW = ("_NEW_1", "_NEW_2", "_NEW_3")
BODIES = (
    "            tstate->counts[1] += 1;\n            break;",
    '            mini_raise(tstate, "message 1");\n            JUMP_TO_ERROR();',
    # A macro that would reach the cases behind it, if they were not kept apart.
    "#undef MINI_REFERENCE\n#define MINI_REFERENCE 9\n            tstate->counts[2] = MINI_REFERENCE + 1;",
    "            assert(tstate->counts[1] != 1);\n            tstate->counts[3] = __LINE__;\n            break;",
    "            tstate->names = __func__;\n            tstate->counts[0] = MINI_UNUSED + 1;\n            break;",
    "            tstate->number = mini_sqrt(MINI_FEATURE + 1);\n            break;",
)
BROKEN = "\n            this does not compile;"


def _case(world: World) -> str:
    return world.random.choice(sorted(set(world.cases) - broken(world)) or sorted(world.cases))


def broken(world: World) -> set[str]:
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
    if broken(world):
        return None
    name = _case(world)
    world.cases[name] += BROKEN
    return f"{name} does not compile, {world.write_cases()}"


def mend_cases(world: World) -> str | None:
    names = broken(world)
    if not names:
        return None
    for name in names:
        world.cases[name] = world.cases[name].replace(BROKEN, "")
    return f"{', '.join(sorted(names))} compiles again, {world.write_cases()}"


def _in_file(place: Place) -> Edit:
    """An edit of a place in a file."""

    def edit(world: World) -> str | None:
        file = world.bench.tree / place.path
        if not file.is_file():
            return None
        text = file.read_text(encoding="utf-8")
        chosen = world.random.choice(place.alternatives)
        new, count = re.subn(place.pattern, lambda _: chosen, text, count=1, flags=re.MULTILINE)
        assert count == 1, f"{place.pattern} is not in {place.path}"
        if new == text:
            return None
        return f"{place.what} in {place.path}: {chosen!r}, {world.write(file, new)}"

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
    ("merge.py", "", ("",)),
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


EDITS: tuple[tuple[int, Edit], ...] = (
    (4, add_case),
    (3, remove_case),
    (3, rename_case),
    (2, reorder_cases),
    (10, edit_case),
    (4, comment_case),
    (4, space_case),
    (3, break_case),
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
    *((place.weight, _in_file(place)) for place in PLACES),
)


def make_one(world: World) -> str:
    """Make a random edit and say what it was; what a step before has broken is mended first, mostly."""
    if world.undo:
        here, there = world.undo.pop()
        here.rename(there)
        return f"{there.name} is back"
    if world.stuck:
        return world.go_back()
    if broken(world) and world.random.random() < 0.6:
        return mend_cases(world) or "nothing"
    while True:
        (edit,) = world.random.choices([edit for _, edit in EDITS], [weight for weight, _ in EDITS])
        done = edit(world)
        if done is not None:
            return done

"""The steps of the data flow, each over many uops at once.

One description for every executor: the SCons tool's actions call these, and so does anything else that builds.
Every step writes its outputs whole and only when they change, so an unchanged output ends the work behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from copypatch import (
    diagnostics,
    disassembly,
    fragment,
    holes_file,
    manifest,
    readobj,
    stencil,
    tree_fragment,
)
from copypatch.compile import compile_uops
from copypatch.context import Context
from copypatch.dialects import disassembly_lines
from copypatch.errors import CompileError, ObjectError
from copypatch.files import read_text, remove, write_if_changed
from copypatch.freshness import is_settled, without_object
from copypatch.holes import Stencil, StencilGroup
from copypatch.plan import Plan
from copypatch.prefix import precompile as make_prefix
from copypatch.process import Runner
from copypatch.progress import of_compile
from copypatch.target_header import want
from copypatch.toolchain import Toolchain

__all__ = [
    "begin",
    "compile_objects",
    "describe_objects",
    "describing_commands",
    "discard",
    "make_fragments",
    "make_holes",
    "precompile",
    "read_objects",
    "restore_fragments",
    "write_fragments",
    "write_holes",
    "write_sources",
]


def write_sources(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Write the C text of uops. Raises TemplateError, OutputError."""
    _announce(plan, "writing C sources", opnames, context)
    for opname in opnames:
        write_if_changed(plan.paths.source(opname), plan.source(opname).text)


def begin(plan: Plan, stale: Sequence[str], context: Context) -> None:
    """Begin with what the steps will wait for: the precompiled include block, the process of the tree's passes.

    *stale* are the uops that have to be made; there may be none, and a header all the same.
    """
    if any(map(plan.uses_prefix, stale)):
        context.ahead.begin(plan.request.name, partial(make_prefix, plan, context.runner))
    plan.request.begin_engine()


def precompile(plan: Plan, context: Context) -> None:
    """Make sure of the precompiled include block. Raises CompileError with clang's words, OutputError."""
    context.report.console.doing(f"{plan.request.name}: precompiling the include block")
    context.report.console.show(_prefix(plan, context))


def _prefix(plan: Plan, context: Context) -> str:
    return context.ahead.do(plan.request.name, partial(make_prefix, plan, context.runner))


def compile_objects(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Make the objects of uops: from the cache, or by the compiler.

    A uop that fails is reported and leaves nothing behind; the others are done all the same. Raises
    CompileError when a header changed meanwhile, OutputError.
    """
    report, name = context.report, plan.request.name
    stale = without_object(plan, opnames)
    alone_do = [name for name in stale if not context.whole_chain or len(plan.request.steps(name)) == 1]
    restored = _restore_objects(plan, alone_do, context)
    report.restore(name, restored)
    todo = [opname for opname in stale if opname not in restored]
    if not todo:
        return
    prefix, keep = partial(_prefix, plan, context), partial(_keep, plan, context)
    settled = partial(is_settled, plan)
    with report.console.progress(f"{name}: compiling", len(todo), of_compile(plan, todo, context.runner)):
        report.compiling(name, todo)
        result = compile_uops(
            plan, todo, context.runner, warn=report.console.warn, keep=keep, prefix=prefix, settled=settled
        )
    report.console.show(result.messages)
    if not plan.expansion.headers_unchanged():
        # What was compiled may hold the new text, and is not to be filed under the old one's key.
        for opname in todo:
            discard(plan, opname)
        raise CompileError("a header was changed while the build ran, so nothing was kept of it; run it again")
    report.warned(name, result.warned)
    report.compiled(name, alone=result.alone, sharded=result.sharded)
    for opname in result.failed:
        discard(plan, opname)
        report.fail(name, opname)


def _keep(plan: Plan, context: Context, opnames: Sequence[str], messages: str) -> None:
    """Put finished objects into the cache, but for those that clang had something to say about."""
    warned = diagnostics.subjects(messages, opnames)
    context.report.warned(plan.request.name, warned)
    # The key says what the headers were when they were read; see compile_objects.
    if plan.expansion.headers_unchanged():
        keys = {opname: plan.key(opname) for opname in opnames if opname not in warned}
        context.store.put(
            {key.hexdigest(): plan.paths.object(name).read_bytes() for name, key in keys.items() if key is not None}
        )


def _announce(plan: Plan, what: str, opnames: Collection[str], context: Context) -> None:
    if opnames:
        context.report.console.doing(f"{plan.request.name}: {what}", len(opnames))


def _changed(plan: Plan, opnames: Sequence[str], involved: Callable[[str], Sequence[Path]]) -> list[str]:
    """Return the uops for which a step has to be done: the others' files are those of the last build.

    *involved* gives what the step reads and writes for a uop. This is where an identical object, or anything
    after it, ends the work for a uop.
    """
    entries = plan.ledger.read().entries
    settled = {"rules": plan.rules, "compiler": plan.request.identity}
    return [
        opname
        for opname in opnames
        if opname not in entries
        or any(entries[opname].inputs.get(name) != value for name, value in settled.items())
        or not entries[opname].intact(involved(opname))
    ]


def _restore_objects(plan: Plan, opnames: Sequence[str], context: Context) -> set[str]:
    keys = {key.hexdigest(): opname for opname in opnames if (key := plan.key(opname)) is not None}
    found = context.store.get(list(keys))
    for name, content in found.items():
        write_if_changed(plan.paths.object(keys[name]), content)
    return {keys[name] for name in found}


def discard(plan: Plan, opname: str) -> None:
    """Delete all that was made from a uop's source, so that no later step takes the old for the new."""
    paths = plan.paths
    remove(
        [
            paths.object(opname),
            paths.sections(opname),
            paths.disassembly(opname),
            paths.holes(opname),
            paths.fragment(opname),
        ]
    )


def read_objects(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Write llvm-readobj's and llvm-objdump's words on objects: one process of each for all of them.

    Uops without an object are passed over. Raises ObjectError, OutputError.
    """
    paths = plan.paths
    opnames = [opname for opname in opnames if paths.object(opname).is_file()]
    opnames = _changed(
        plan, opnames, lambda name: [paths.object(name), paths.sections(name), paths.disassembly(name)]
    )
    describe_objects(plan, opnames, context)


def describe_objects(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Do for these uops what :func:`read_objects` does for those that changed."""
    if not opnames:
        return
    paths, toolchain = plan.paths, plan.request.toolchain
    _announce(plan, "reading objects", opnames, context)
    folder = paths.object(opnames[0]).parent
    names = [paths.object(opname).name for opname in opnames]
    read, dump = context.runner.map(
        lambda command: _tool_output([*command, *names], folder, context.runner), describing_commands(toolchain)
    )
    for opname, text in zip(opnames, readobj.split(read, names), strict=True):
        write_if_changed(paths.sections(opname), text)
    for opname, text in zip(opnames, disassembly.split(dump, names), strict=True):
        write_if_changed(paths.disassembly(opname), text)


def describing_commands(toolchain: Toolchain) -> list[list[str]]:
    """Return the commands that describe objects, whose names are to follow."""
    return [
        [str(toolchain.readobj), *readobj.ARGUMENTS],
        [str(toolchain.objdump), *disassembly.ARGUMENTS],
    ]


def _tool_output(command: Sequence[str], folder: Path, runner: Runner) -> str:
    result = runner.run(command, cwd=folder)
    if result.status:
        raise ObjectError(f"{Path(command[0]).name} failed on the objects in {folder}:\n{result.stderr.rstrip()}")
    return result.stdout.decode("utf-8", "surrogateescape")


_EMPTY = Stencil(b"", (), ())


def write_holes(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Write the holes files of uops.

    A uop whose object cannot become a stencil is reported and leaves nothing behind; one without an object is
    passed over. Raises OutputError.
    """
    paths = plan.paths
    opnames = [name for name in opnames if not plan.request.steps(name) or paths.sections(name).is_file()]
    make_holes(
        plan,
        _changed(plan, opnames, lambda name: plan.paths.chain(name, plan.request.steps(name))[-4:-1]),
        context,
    )


def make_holes(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Do for these uops what :func:`write_holes` does for those that changed."""
    _announce(plan, "making holes files", opnames, context)
    if plan.request.tree.dialect.passes is not None:
        _let_tree_make(plan, opnames, context)
        return
    for opname in opnames:
        try:
            group = _stencil_group(plan, opname)
        except ObjectError as error:
            discard(plan, opname)
            context.report.fail(plan.request.name, opname, str(error))
        else:
            write_if_changed(plan.paths.holes(opname), holes_file.dump(group))


def _stencil_group(plan: Plan, opname: str) -> StencilGroup:
    if not plan.request.steps(opname):
        return StencilGroup(opname, _EMPTY, _EMPTY, (), ())
    dialect, platform = plan.request.tree.dialect, plan.request.target.platform
    objects = readobj.parse(read_text(plan.paths.sections(opname)), opname, platform)
    lines = disassembly_lines(read_text(plan.paths.disassembly(opname)), dialect)
    return stencil.build(objects, lines, opname, platform, dialect.stencil)


def _let_tree_make(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Let the tree's own code make of objects what there is a holes file for elsewhere."""
    paths = plan.paths

    def described(opname: str) -> list[str | None]:
        if not plan.request.steps(opname):
            return [None, None]
        return [str(path.absolute()) for path in (paths.sections(opname), paths.disassembly(opname))]

    each = [[opname, *described(opname)] for opname in opnames]
    replies = plan.request.engine.ask("fragment", each) if each else []
    for opname, reply in zip(opnames, replies, strict=True):
        if "error" in reply:
            discard(plan, opname)
            context.report.fail(plan.request.name, opname, f"{opname}: the tree's generator: {reply['error']}")
        else:
            write_if_changed(paths.holes(opname), tree_fragment.dump(opname, reply))


def write_fragments(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Write the fragments of uops, and record that they are up to date.

    Raises CompileError when a uop is without a holes file, after all others are done; HolesFileError, OutputError.
    """
    made = [opname for opname in opnames if plan.paths.holes(opname).is_file()]
    changed = _changed(plan, made, lambda name: [plan.paths.holes(name), plan.paths.fragment(name)])
    make_fragments(plan, changed, context)
    _record_made(plan, made, context)
    want(plan, [opname for opname in opnames if opname not in made])


def make_fragments(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Write the fragments of these uops and record nothing. Raises HolesFileError, OutputError."""
    _announce(plan, "writing fragments", opnames, context)
    for opname in opnames:
        path = plan.paths.holes(opname)
        if plan.request.tree.dialect.passes is not None:
            text = tree_fragment.fragment_text(read_text(path), str(path))
        else:
            group = holes_file.load(read_text(path), str(path))
            text = fragment.write(group, plan.request.tree.dialect.text)
        write_if_changed(plan.paths.fragment(opname), text)


def _record_made(plan: Plan, opnames: Sequence[str], context: Context) -> None:
    """Record uops whose whole chains are up to date, in the manifest and in the cache."""
    entries, values = {}, {}
    known = plan.ledger.read().entries
    for opname in opnames:
        key, object_key = plan.fragment_key(opname), plan.key(opname)
        if key is None:
            continue
        warned = context.report.has_warned(plan.request.name, opname)
        if object_key is not None and opname in known and known[opname].object_key == object_key.hexdigest():
            # The object is the one of an earlier build, and so is what was said of it.
            warned |= known[opname].warned
        chain = plan.paths.chain(opname, plan.request.steps(opname))
        entries[opname] = manifest.entry(key, object_key, plan.own_text(opname), chain, warned=warned)
        # The cache is silent, so what the compiler warned of does not go there: it is said every time.
        if not warned:
            values[key.hexdigest()] = plan.paths.fragment(opname).read_bytes()
    _record(plan, entries)
    context.store.put(values)


def restore_fragments(plan: Plan, fragments: Mapping[str, bytes]) -> None:
    """Write fragments that came out of the cache, and record that they are up to date. Raises OutputError."""
    entries = {}
    for opname, content in fragments.items():
        path = plan.paths.fragment(opname)
        write_if_changed(path, content)
        key = plan.fragment_key(opname)
        if key is not None:
            entries[opname] = manifest.entry(key, None, plan.own_text(opname), [path])
    _record(plan, entries)


def _record(plan: Plan, entries: Mapping[str, manifest.Entry]) -> None:
    if entries:
        known = plan.ledger.read()
        plan.ledger.write(replace(known, entries={**known.entries, **entries}))

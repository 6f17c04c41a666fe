"""Tying copypatch into a configured build folder of CPython, and out of it again.

GNU make reads ``GNUmakefile`` before ``Makefile``, and so does every make that it starts in the same folder. Ours
includes the folder's own Makefile as it is, so a Makefile that is made anew takes effect as ever, and adds what
changes: the recipe of the stencils starts with $(PYTHON_FOR_REGEN), and for these targets that names us. The
recipe itself stays the Makefile's, and with it all that configure put there: target, debug, compiler flags, LLVM.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copypatch import folder_lock, generator, toolchain, variables
from copypatch.console import Console
from copypatch.errors import EmbedError, OutputError, ToolchainError
from copypatch.files import read_text, write_if_changed
from copypatch.generator import WORK, Asked
from copypatch.toolchain import Toolchain
from copypatch.triples import ObjectFormat

MAKEFILE = "GNUmakefile"
_MARK = "# Made by copypatch's `scons embed`"
# What reads how a shim that is an object is unwound.
_UNWINDING = "llvm-dwarfdump"
# What the build folder itself decides.
_NOT_SAID = ("cpython", "pyconfig", "out", "sample", "graph")


@dataclass(frozen=True, slots=True)
class BuildFolder:
    """A configured build folder: its source tree, and what its Makefile tells the generator."""

    path: Path
    source: Path
    arguments: tuple[str, ...]


# From 3.15 on one run makes several files, for which a stamp stands.
_RULE = re.compile(r"^(?:jit_stencils\.h|\$\(JIT_GENERATED_STAMP\)):.*\n((?:\t.*(?:\n|\Z))*)", re.MULTILINE)
_CALL = re.compile(r"\t\$\(PYTHON_FOR_REGEN\)\s+\$\(srcdir\)/Tools/jit/build\.py\s+(.*)\n?(?:\t@?touch \$@\n?)?")


def read(folder: Path) -> BuildFolder:
    """Return what a build folder is. Raises EmbedError for what is none, or none with a JIT that we know."""
    makefile = folder / "Makefile"
    if not makefile.is_file() or not (folder / "config.status").is_file():
        raise EmbedError(
            f"build={folder}: not a configured build folder (no Makefile, or no config.status); "
            "give the one in which CPython's configure --enable-experimental-jit ran"
        )
    source = generator.source_folder(folder)
    if source is None:
        raise EmbedError(f"build={folder}: its Makefile does not say srcdir=, so it is not CPython's")
    if not source.is_dir():
        raise EmbedError(f"build={folder}: its source tree {source} is gone; run the tree's configure there again")
    rule = _RULE.search(read_text(makefile))
    if rule is None:
        raise EmbedError(
            f"build={folder}: its Makefile has no rule for jit_stencils.h; "
            "copypatch can be tied into CPython 3.13, 3.14, 3.15 and later, and forks that keep their rules"
        )
    if not rule[1].partition("\n")[0].strip():
        raise EmbedError(f"build={folder}: was configured without --enable-experimental-jit, so it has no stencils")
    call = _CALL.fullmatch(rule[1])
    if call is None:
        raise EmbedError(
            f"build={folder}: its Makefile makes jit_stencils.h with another command than "
            f"$(PYTHON_FOR_REGEN) $(srcdir)/Tools/jit/build.py, namely {' '.join(rule[1].split())}; "
            "call jit_build.py there instead (docs/embedding.md)"
        )
    try:
        arguments = tuple(shlex.split(call[1].replace("$$", "$")))
    except ValueError as error:
        raise EmbedError(f"build={folder}: {error} in its Makefile's command {call[0].strip()}") from None
    return BuildFolder(folder, source, arguments)


def embed(folder: Path, said: Mapping[str, str], base: Path, program: Sequence[Path]) -> str:
    """Tie copypatch into a build folder; return what was done, in one line.

    *said* are the variables of the command line, whose relative paths are relative to *base*. *program* is what
    make is to run: a Python and our jit_build.py. Everything that can be wrong is told now, not by the first make.
    Raises CopypatchError.
    """
    build = read(folder)
    for name in _NOT_SAID:
        if name in said:
            raise EmbedError(f"{name}=: is the build folder's affair, see build={folder}; leave it out")
    checked = variables.parse(said, base)
    kept = dict(said)
    if checked.cache is not None and "cache" in said:
        kept["cache"] = str(checked.cache)
    if checked.llvm_prefix is not None:
        kept["llvm"] = str(checked.llvm_prefix)
    words = [f"{name}={value}" for name, value in kept.items()]
    script = build.source / "Tools" / "jit" / "build.py"
    asked = generator.parse([*words, str(script), *build.arguments], folder)
    found = _toolchain(asked)
    prefix = pinned(found)
    if prefix is not None:
        kept["llvm"] = str(prefix)
    path = folder / MAKEFILE
    if path.exists() and not _is_ours(path):
        raise EmbedError(
            f"build={folder}: has a {MAKEFILE} of its own, which copypatch would have to replace; "
            "call jit_build.py in it instead (docs/embedding.md)"
        )
    try:
        changed = write_if_changed(path, makefile_text(program, kept))
    except OutputError as error:
        raise EmbedError(f"build={folder}: {MAKEFILE} cannot be written there ({error.__cause__})") from error
    done = "now builds" if changed else "builds already"
    return f"embed: make in {folder} {done} its stencils with copypatch and LLVM {found.version}"


def _is_ours(path: Path) -> bool:
    return path.is_file() and read_text(path).startswith(_MARK)


def _toolchain(asked: Asked) -> Toolchain:
    options, dialect = asked.options, asked.open_tree().dialect
    wanted = dialect.llvm if options.llvm_prefix is None else None
    major = options.llvm_major if options.llvm_major is not None else wanted
    found = toolchain.find(major, options.llvm_prefix, minimum=dialect.llvm_minimum)
    unwound = dialect.linked_entry and any(
        target.platform.object_format is ObjectFormat.ELF for target in options.targets
    )
    if unwound and shutil.which(found.sibling(_UNWINDING)) is None:
        raise EmbedError(f"no {_UNWINDING} beside {found.clang}, nor on PATH; {asked.source} needs it, install it")
    return found


def pinned(found: Toolchain) -> Path | None:
    """Return the installation to name so that this LLVM is found again whatever PATH says, if there is one.

    `sudo make install`, and a shell with another PATH, would else find another LLVM or none.
    """
    for clang in (found.clang, found.clang.resolve()):
        prefix = clang.parent.parent
        try:
            again = toolchain.find(None, prefix)
        except ToolchainError:
            continue
        if again.clang.resolve() == found.clang.resolve():
            return prefix
    return None


def makefile_text(program: Sequence[Path], values: Mapping[str, str]) -> str:
    """Return the text of the GNUmakefile: *program* is run with the variables *values*."""
    words = [*map(str, program), *(f"{name}={value}" for name, value in values.items())]
    command = " ".join(shlex.quote(word) for word in words)
    checks = " && ".join(f"test -f {shlex.quote(str(path))}" for path in program)
    names = " or ".join(map(str, program))
    gone = shlex.quote(f"copypatch: {names} is gone; without {MAKEFILE} make runs the tree's own generator again")
    return f"""{_MARK}, which puts it here anew; `scons unembed` takes it away.
# make reads this file before Makefile. `make -f Makefile` does not, and runs the tree's own generator.

include Makefile

copypatch-program = {_escaped(command)}
copypatch-check = {{ {_escaped(checks)}; }} || {{ echo {_escaped(gone)} >&2; exit 1; }}
# With +, make lets copypatch take part in its jobserver; but then it also runs it where it is only to say (-n),
# to touch (-t) or to ask (-q).
copypatch-plus = $(if $(strip $(foreach l,n t q,$(findstring $l,$(filter-out -%,$(firstword $(MAKEFLAGS)))))),,+)
copypatch-recipe = $(copypatch-plus)@$(copypatch-check); $(copypatch-program)

# What the command makes: from 3.15 on a stamp, which stands for several files.
copypatch-made = $(or $(JIT_GENERATED_STAMP),jit_stencils.h)

# The Makefile's own recipe, carried out by copypatch. private: what the stencils are made from is not. That word
# came with GNU make 3.82, as undefine did; macOS has an older one.
ifneq ($(filter undefine,$(.FEATURES)),)
$(copypatch-made) regen-jit: private override PYTHON_FOR_REGEN = $(copypatch-recipe)
else
$(copypatch-made) regen-jit: override PYTHON_FOR_REGEN = $(copypatch-recipe)
endif

# Always asked, since it follows more than the Makefile names. An unchanged file keeps its time, and then nothing
# is made from it.
$(copypatch-made): copypatch-always
.PHONY: copypatch-always copypatch-clean copypatch-distclean
# They are replaced whole, so what a build leaves that is interrupted is not half of one.
.PRECIOUS: jit_stencils.h $(JIT_BUILD_TARGETS)

clean: copypatch-clean
# The Makefile's find fails where a folder vanishes meanwhile. Phony, as no release has all of them.
.PHONY: clean-retain-profile clean-profile
copypatch-clean: clean-retain-profile clean-profile
	-rm -rf {WORK}
distclean: copypatch-distclean
copypatch-distclean: clobber
	-rm -f {MAKEFILE}
"""


def _escaped(text: str) -> str:
    """Return shell text as make has to be given it."""
    return text.replace("$", "$$").replace("#", r"\#")


def unembed(folder: Path, console: Console) -> str:
    """Take copypatch out of a build folder; return what was done. Raises EmbedError.

    What it made there goes, but for the finished headers: those are the folder's.
    """
    path, work = folder / MAKEFILE, folder / WORK
    try:
        ours = _is_ours(path)
        if not ours and not work.is_dir():
            if not folder.is_dir():
                raise EmbedError(f"build={folder}: no such folder")
            return f"unembed: copypatch is not in {folder}"
        if work.is_dir():
            lock = folder_lock.acquire(
                work / "uops" / "lock", lambda: console.line(f"waiting for another build in {work} ...")
            )
            shutil.rmtree(work)
            if lock is not None:
                lock.close()
        if ours:
            path.unlink()
    except OSError as error:
        raise EmbedError(f"build={folder}: {error.filename} cannot be deleted ({error.strerror})") from error
    return f"unembed: make in {folder} builds its stencils with the tree's own generator"

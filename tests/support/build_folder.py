"""A configured build folder in small, with the rules by which CPython's Makefile makes its stencils."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from support.scons import Done, Scons

# Written for these tests; the rules have the names, prerequisites and commands of CPython's.
_MAKEFILE = """\
srcdir=\t{srcdir}
PYTHON_FOR_REGEN?=no-such-python
PYTHON_FOR_BUILD=echo

all: python

JIT_DEPS = \\
\t\t$(srcdir)/Tools/jit/*.c \\
\t\t$(srcdir)/Tools/jit/*.py \\
\t\t$(srcdir)/Python/executor_cases.c.h \\
\t\tpyconfig.h

{rules}
Python/other.o: $(srcdir)/Python/jit.c
\tmkdir -p Python && cp $< $@

python: Python/jit.o Python/other.o $(JIT_OBJS)
\tcat $^ > $@
\t@echo linked $@

Makefile: Makefile.pre
\tcp Makefile.pre Makefile

.PHONY: all regen-jit install clean clobber distclean profile

install: all
\tcp python installed

profile:
\t$(MAKE) clean-retain-profile
\t$(MAKE) all

clean: clean-retain-profile
\t-rm -f $(JIT_TARGETS) $(JIT_GENERATED_STAMP) jit_stencils*.h

clobber: clean
\t-rm -f python

distclean: clobber
\t-rm -f Makefile Makefile.pre config.status pyconfig.h
"""
# In 3.13, the profile's clean deletes the header that its make depends on.
_RULES = """\
jit_stencils.h: $(JIT_DEPS)
\t{command}

Python/jit.o: $(srcdir)/Python/jit.c jit_stencils.h
\tmkdir -p Python && cat $^ > $@
\t@echo made $@

regen-jit:
\t{command}

clean-retain-profile:
\tfind . -name '*.[oa]' -exec rm -f {{}} ';'
\t-rm -f jit_stencils.h
"""
# From 3.15 on one run makes several files, one of which is linked in.
_RULES_3_15 = """\
JIT_OBJS=\tjit_shim-x86_64-unknown-linux-gnu.o
JIT_SHIM_BUILD_OBJS=\tjit_shim-x86_64-unknown-linux-gnu.o
JIT_STENCILS_H=\tjit_stencils-x86_64-unknown-linux-gnu.h
JIT_UNWIND_INFO_H=\t$(if $(JIT_OBJS),jit_unwind_info.h jit_unwind_info-x86_64-unknown-linux-gnu.h)
JIT_BUILD_TARGETS=\tjit_stencils.h $(JIT_STENCILS_H) $(JIT_UNWIND_INFO_H) $(JIT_SHIM_BUILD_OBJS)
JIT_TARGETS=\t$(JIT_BUILD_TARGETS) $(filter-out $(JIT_SHIM_BUILD_OBJS),$(JIT_OBJS))
JIT_GENERATED_STAMP=\t.jit-stamp

$(JIT_GENERATED_STAMP): $(JIT_DEPS)
\t{command}
\t@touch $@

$(JIT_BUILD_TARGETS): $(JIT_GENERATED_STAMP)
\t@if test ! -f "$@"; then \\
\t\trm -f $(JIT_GENERATED_STAMP); \\
\t\t$(MAKE) $(JIT_GENERATED_STAMP); \\
\t\ttest -f "$@"; \\
\tfi

Python/jit.o: $(srcdir)/Python/jit.c $(JIT_STENCILS_H)
\tmkdir -p Python && cat $^ > $@
\t@echo made $@

Python/jit_unwind.o: $(JIT_UNWIND_INFO_H)
\tmkdir -p Python && cat $^ > $@
\t@echo made $@

python: Python/jit_unwind.o

regen-jit: $(JIT_TARGETS)

clean-retain-profile:
\tfind . -name '*.[oa]' ! -name 'jit_shim*.o' -exec rm -f {{}} ';'
"""
ARGUMENTS = {
    "3.13": "x86_64-pc-linux-gnu",
    "3.14": 'x86_64-pc-linux-gnu --output-dir . --pyconfig-dir . --cflags=""',
    "3.15": 'x86_64-pc-linux-gnu --output-dir . --pyconfig-dir . --cflags="" --llvm-version="19" '
    '--llvm-tools-install-dir=""',
}


def command(arguments: str) -> str:
    """The recipe that configure writes."""
    return f"$(PYTHON_FOR_REGEN) $(srcdir)/Tools/jit/build.py {arguments}"


@dataclass(frozen=True)
class BuildFolder:
    """A build folder of a tree, and make in it, which *prefix* is put in front of."""

    path: Path
    scons: Scons
    prefix: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make_one(cls, path: Path, tree: Path, recipe: str, scons: Scons) -> BuildFolder:
        """Lay out a build folder, which may be the tree itself."""
        path.mkdir(exist_ok=True)
        made = cls(path, scons)
        made.configure(tree, recipe)
        if path != tree:
            (path / "pyconfig.h").write_bytes((tree / "pyconfig.h").read_bytes())
        (path / "config.status").write_text("#!/bin/sh\n", encoding="utf-8")
        (path / "Makefile").write_bytes((path / "Makefile.pre").read_bytes())
        return made

    def configure(self, tree: Path, recipe: str) -> None:
        """Write what the Makefile is made from."""
        rules = (_RULES_3_15 if "--llvm-tools-install-dir" in recipe else _RULES).format(command=recipe)
        text = _MAKEFILE.format(srcdir=os.path.relpath(tree, self.path), rules=rules)
        (self.path / "Makefile.pre").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """The environment of make."""
        return {**self.scons.environment(), **self.environ}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start make, in a session of its own so that all of it can be killed."""
        return subprocess.Popen(
            [*self.prefix, "make", *arguments],
            cwd=self.path,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str) -> Done:
        """Run make."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate()
        return Done(process.returncode, stdout, stderr)

    def ok(self, *arguments: str) -> Done:
        """Run make, which must succeed without a warning of its own."""
        done = self(*arguments)
        assert done.status == 0, done.output
        assert not re.search(r"make(\[\d+\])?: warning|akefile:\d+: warning|jobserver", done.output), done.output
        return done

    def made(self, *arguments: str) -> set[str]:
        """Run make; return what of python and Python/jit.o it made."""
        return set(re.findall(r"^(?:made|linked) (\S+)$", self.ok(*arguments).stdout, re.MULTILINE))

    def snapshot(self) -> dict[str, tuple[bytes, int]]:
        """All files with their content and mtime (ns)."""
        return {
            str(path.relative_to(self.path)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }

"""Runs real ninja, where a real scons has written its build.ninja."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.scons import Done, Scons, texts

# The one that the project brings.
OURS = Path(sys.executable).with_name("ninja")


@dataclass(frozen=True)
class Ninja:
    """Runs `ninja -C out`, in the environment of the scons that wrote build.ninja."""

    scons: Scons
    out: Path
    program: Path = OURS
    environ: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """The command of a run."""
        return [str(self.program), "-C", str(self.out), "-j2", *arguments]

    def __call__(self, *arguments: str) -> Done:
        """Run ninja."""
        scons = replace(self.scons, environ={**self.scons.environ, **self.environ})
        return scons.run(self.command(*arguments))

    def ok(self, *arguments: str) -> str:
        """Run ninja, which must succeed; return what it says."""
        done = self(*arguments)
        assert done.status == 0, done.output
        return done.output

    def idle(self) -> bool:
        """Run ninja; tell whether it had nothing to do."""
        return "ninja: no work to do." in self.ok()

    def is_like_scons(self, **variables: str) -> bool:
        """Whether the headers are those that scons makes of the tree in an empty folder."""
        clean = self.out.with_name("clean")
        shutil.rmtree(clean, ignore_errors=True)
        self.scons.ok(out=clean, **variables)
        return texts(clean) == texts(self.out)

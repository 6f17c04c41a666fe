"""What the reports are about: a small tree in a git repository, built, kept as a snapshot, and then edited."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import trees
from support.browser import Browser
from support.scons import Done, Scons

# What would run or show as something else, were it taken for markup; in a comment, a string and a symbol.
MARKUP = "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)><!--&amp;"
SYMBOL = "<img/src=x onerror=alert(2)>"
# And a byte that is no UTF-8, as a comment in Latin-1 has it.
_NEW = f"""            /* {MARKUP} cafLATIN */
            extern void odd(void) __asm__("{SYMBOL}");
            odd();
            mini_raise(tstate, "{MARKUP}");
            break;"""


@dataclass(frozen=True)
class World:
    """The tree, scons on it, and its output folder. *before* is the folder of the headers before the edits."""

    tree: Path
    scons: Scons
    out: Path
    before: Path

    @property
    def cases(self) -> list[str]:
        """The uops of the tree, found without any code of ours."""
        return re.findall(r"^ {8}case (\w+): \{$", trees.cases_file(self.tree).read_text("latin-1"), re.MULTILINE)

    def git(self, *arguments: str) -> str:
        """Run git in the tree."""
        command = ["git", "-C", str(self.tree), "-c", "user.name=test", "-c", "user.email=test@example", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def run(self, *arguments: str, **variables: str | Path) -> Done:
        """Run scons with nothing but results in its output."""
        return self.scons("-Q", *arguments, **variables)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, home: Path, llvm_19: Path) -> World:
    """Since the snapshot one uop has grown, one is new and full of markup, and one is gone."""
    folder = tmp_path_factory.mktemp("world")
    tree = trees.make(folder / "tree", "3.14")
    variables = {"cpython": tree, "llvm": llvm_19, "out": folder / "out", "cache": folder / "cache"}
    made = World(tree, Scons(home, variables=variables), folder / "out", folder / "out" / "snapshots" / "before")
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message=before")
    made.scons.ok("snapshot", name="before")
    cases = trees.cases_file(tree)
    trees.edit(cases, _ADD, f'{_ADD}            if (tstate->counts[0]) mini_raise(tstate, "grown");\n')
    text = cases.read_text(encoding="utf-8")
    start = text.index("        case _REPEAT: {")
    cases.write_text(text[:start] + text[text.index("        case _EXIT: {") :], encoding="utf-8")
    trees.add_case(tree, "_NEW_1", _NEW)
    cases.write_bytes(cases.read_bytes().replace(b"LATIN", b"\xe9"))
    made.scons.ok()
    return made


_ADD = "        case _ADD: {\n"


@pytest.fixture(scope="session")
def browser(place: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium, for all tests of the page."""
    folder = place("COPYPATCH_CHROMIUM")
    with Browser(folder, tmp_path_factory.mktemp("profile")) as one:
        yield one

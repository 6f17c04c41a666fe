"""CPython trees out of Debian's packages, with an apt of our own: nothing is installed, root isn't needed.

The mirror is the one that this machine's apt is configured with; only the suite is another. What apt fetches
it checks against Debian's keys, as always.
"""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from provision.steps import Failed, Unavailable, make_once, run, stamped

# Where Debian keeps the trees: (package, suite). trixie is stable, so its version stays: CPython 3.13.5.
SOURCE_3_13 = ("python3.13", "trixie")
# No source package of newer trees can be fetched, but their Tools/jit is shipped as an example.
PIECES_SUITE = "sid"

CONFIGURATIONS = {
    "release": ["--enable-experimental-jit"],
    "debug": ["--enable-experimental-jit", "--with-pydebug"],
}

APT_ETC = Path("/etc/apt")


@dataclass(frozen=True)
class Source:
    """One entry of apt's configuration: where packages of some suites come from."""

    uris: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str | None


def parse_deb822(text: str) -> Iterator[Source]:
    """The entries of a `*.sources` file (man 5 sources.list, DEB822-style format)."""
    text = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", text):
        # A line that begins with a space goes on with the field above it (Signed-By may hold a whole key).
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*((?:.*)(?:\n[ \t]+.*)*)", stanza, flags=re.MULTILINE))
        fields = {name.lower(): value.rstrip() for name, value in fields.items()}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in (
            "no",
            "false",
            "0",
        ):
            continue
        yield Source(
            " ".join(fields.get("uris", "").split()),
            tuple(fields.get("suites", "").split()),
            tuple(fields.get("components", "").split()),
            fields.get("signed-by"),
        )


def parse_one_line(text: str) -> Iterator[Source]:
    """The entries of a `sources.list` file (man 5 sources.list, one-line-style format)."""
    pattern = r"^\s*deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#\n]+)"
    for entry in re.finditer(pattern, text, flags=re.MULTILINE):
        options = dict(option.split("=", 1) for option in (entry["options"] or "").split() if "=" in option)
        yield Source(
            entry["uri"],
            (entry["suite"],),
            tuple(entry["components"].split()),
            options.get("signed-by"),
        )


def debian_source(etc: Path = APT_ETC, os_release: Path = Path("/etc/os-release")) -> Source:
    """The entry for Debian itself on this machine. Raises Unavailable where there is none."""
    try:
        words = (line.partition("=") for line in os_release.read_text(encoding="utf-8").splitlines())
        release = {name: "".join(shlex.split(value)) for name, _, value in words}
    except OSError:
        release = {}
    if release.get("ID") != "debian":
        raise Unavailable(
            "the trees and tools to compare with come from Debian's packages, and this is "
            f"{release.get('PRETTY_NAME', 'another system')}"
        )
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable(
            "the trees and tools to compare with come from Debian's packages, and apt-get or dpkg-deb is missing"
        )

    sources: list[Source] = []
    for path in sorted([*etc.glob("sources.list"), *etc.glob("sources.list.d/*")]):
        parse = {".sources": parse_deb822, ".list": parse_one_line}.get(path.suffix)
        if parse and path.is_file():
            sources += parse(path.read_text(encoding="utf-8", errors="replace"))
    names = {release.get("VERSION_CODENAME"), "oldstable", "stable", "testing", "unstable", "sid"}
    for source in sources:
        # Other repositories for Debian use its codename too, but not its component.
        if names & set(source.suites) and "main" in source.components:
            return source
    raise Unavailable(f"no entry for Debian itself under {etc}, so its packages can't be fetched")


class Apt:
    """apt-get with one source and its own state."""

    def __init__(self, folder: Path, kind: str, suite: str) -> None:
        """`kind` is deb or deb-src. Raises Unavailable."""
        source = debian_source()
        self.suite = suite
        self.folder = folder
        lines = [f"Types: {kind}", f"URIs: {source.uris}", f"Suites: {suite}", "Components: main"]
        if source.signed_by:
            lines.append(f"Signed-By: {source.signed_by}")
        for name in ("etc", "lists/partial", "cache/archives/partial", "downloads"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "etc" / "copypatch.sources").write_text("\n".join(lines) + "\n", encoding="utf-8")
        options = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": folder / "etc",
            "Dir::State::Lists": folder / "lists",
            "Dir::Cache": folder / "cache",
            "APT::Update::Error-Mode": "any",  # else a network that is down is only a warning
            "Acquire::Retries": 3,
            "Acquire::Languages": "none",
        }
        if os.geteuid() == 0:
            options["APT::Sandbox::User"] = "root"  # its usual _apt can't write into our folders
        self.options = [f"--option={name}={value}" for name, value in options.items()]

    def fetch(self, *arguments: str) -> Path:
        """Runs `apt-get ARGUMENTS`, which downloads into the folder that is returned. Raises Failed."""
        downloads = self.folder / "downloads"
        try:
            for words in (["update"], [*arguments]):
                command = ["apt-get", "--quiet", *self.options, *words]
                run(command, f"apt-get {words[0]} (Debian's {self.suite})", cwd=downloads)
        except Failed as error:
            raise Failed(
                f"{error}\n  Is the network there? To go without: python3 bootstrap.py test --offline"
            ) from None
        return downloads


def _recipe(*words: str) -> str:
    return " ".join(["1", *words]) + "\n"


def source_tree_present(root: Path) -> Path | None:
    folder = root / "cpython-3.13"
    return folder if stamped(folder, _recipe(*SOURCE_3_13)) else None


def source_tree(root: Path) -> Path:
    """The whole source tree of CPython 3.13, unpacked. Raises Unavailable or Failed."""
    package, suite = SOURCE_3_13

    def make(folder: Path) -> None:
        downloads = Apt(folder / ".apt", "deb-src", suite).fetch("source", "--download-only", f"{package}/{suite}")
        archives = sorted(downloads.glob("*.orig.tar.*z*"))
        if not archives:
            raise Failed(f"Debian's source package {package} of {suite} holds no .orig.tar")
        options = ["--extract", "--no-same-owner", "--strip-components=1"]
        run(
            ["tar", *options, "--file", archives[0], "--directory", folder],
            f"unpacking {archives[0].name}",
            cwd=folder,
        )
        shutil.rmtree(folder / ".apt")
        if not (folder / "Tools" / "jit" / "build.py").is_file():
            raise Failed(f"{archives[0].name} holds no Tools/jit")

    return make_once(
        root / "cpython-3.13", _recipe(*SOURCE_3_13), f"CPython 3.13's source (Debian's {suite})", make
    )


def pyconfig_present(root: Path, configuration: str) -> Path | None:
    folder = root / f"cpython-3.13-{configuration}"
    return folder if stamped(folder, _recipe(*SOURCE_3_13, *CONFIGURATIONS[configuration])) else None


def pyconfigs(root: Path, tree: Path) -> dict[str, Path]:
    """Build folders of `tree`, configured (pyconfig.h, Makefile) for release and for debug. Raises Failed."""

    def one(configuration: str) -> Path:
        options = CONFIGURATIONS[configuration]

        def make(folder: Path) -> None:
            # A relative path: it is what a person types, and it survives spaces in the absolute one.
            configure = os.path.relpath(tree / "configure", folder)
            run([configure, "--quiet", *options], f"CPython 3.13's configure {' '.join(options)}", cwd=folder)

        what = f"pyconfig.h of CPython 3.13 ({configuration})"
        return make_once(root / f"cpython-3.13-{configuration}", _recipe(*SOURCE_3_13, *options), what, make)

    with ThreadPoolExecutor() as pool:
        return dict(zip(CONFIGURATIONS, pool.map(one, CONFIGURATIONS), strict=True))


def pieces_present(root: Path, minor: str) -> Path | None:
    folder = root / f"pieces-{minor}"
    return folder if stamped(folder, _recipe(minor, PIECES_SUITE)) else None


def pieces(root: Path, minor: str) -> Path:
    """Tools/jit, Tools/cases_generator and Include/ of CPython `minor` ("3.15").

    Raises Unavailable or Failed. Include/ is what gets installed: public and internal
    headers, and pyconfig.h as pyconfig-host.h.
    """

    def make(folder: Path) -> None:
        packages = [f"python{minor}-examples/{PIECES_SUITE}", f"libpython{minor}-dev/{PIECES_SUITE}"]
        downloads = Apt(folder / ".apt", "deb", PIECES_SUITE).fetch("download", *packages)
        unpacked = folder / ".unpacked"
        for package in sorted(downloads.glob("*.deb")):
            run(["dpkg-deb", "--extract", package, unpacked], f"unpacking {package.name}", cwd=folder)
        examples = unpacked / "usr" / "share" / "doc" / f"python{minor}" / "examples"
        for tool in ("jit", "cases_generator"):
            if not (examples / tool).is_dir():
                raise Failed(f"Debian's python{minor}-examples of {PIECES_SUITE} ships no {tool}")
            shutil.copytree(examples / tool, folder / "Tools" / tool)
        for path in sorted(folder.glob("Tools/**/*.gz")):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
        shutil.copytree(unpacked / "usr" / "include" / f"python{minor}", folder / "Include")
        for path in sorted(unpacked.glob(f"usr/include/*-linux-gnu*/python{minor}/pyconfig.h")):
            shutil.copy(path, folder / "Include" / "pyconfig-host.h")
        shutil.rmtree(unpacked)
        shutil.rmtree(folder / ".apt")

    return make_once(root / f"pieces-{minor}", _recipe(minor, PIECES_SUITE), f"Tools/jit of CPython {minor}", make)

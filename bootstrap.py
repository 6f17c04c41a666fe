#!/usr/bin/env python3
"""Sets the project up on a bare machine, and runs it.

    python3 bootstrap.py run              builds the embedded templates' header and runs the demo
    python3 bootstrap.py test [ARG ...]   passes the tests; ARG: pytest's, or --offline (fetch nothing new)
    python3 bootstrap.py scons [ARG ...]  runs scons
    python3 bootstrap.py setup [--dev]    only sets up, with --dev the developers' tools too
    python3 bootstrap.py lock [ARG ...]   remakes locks/*.lock; each ARG is pip-compile's, such as --upgrade

Everything goes into the project's own folder: Python packages into .venv (or $COPYPATCH_VENV), with the
versions and hashes of locks/*.lock; what the tests fetch besides into build/provision (or
$COPYPATCH_PROVISION). An LLVM that is on the machine is used if it is new enough; else LLVM comes as wheels.

Nothing but the standard library is imported, so that a system's python3 can run it. The syntax is kept to
what Python 3.6 can parse, so that an old one can say what is wrong.
"""

import sys

MINIMUM_PYTHON = (3, 11)
if sys.version_info < MINIMUM_PYTHON:
    sys.exit(
        "copypatch needs Python 3.11 or newer; {} is {}.{}.\n"
        "Debian 12, Ubuntu 24.04 and later have it as python3. Or name another one, such as: "
        "python3.12 bootstrap.py ...".format(sys.executable, *sys.version_info)
    )

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
LOCKS = ROOT / "locks"

# The oldest LLVM that compiles the embedded templates: preserve_none came with clang 19.
MINIMUM_LLVM = 19

# What an environment can hold. A group is one lock file; dev holds all of run.
RUN, DEV, LLVM = "run", "dev", "llvm-19"

# pip's settings that say where packages come from and how to get there. All others (a target, a prefix,
# --user, a constraint, ...) would lead the installation astray.
PIP_SETTINGS_KEPT = frozenset(
    {
        "PIP_CACHE_DIR",
        "PIP_CERT",
        "PIP_CLIENT_CERT",
        "PIP_CONFIG_FILE",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_KEYRING_PROVIDER",
        "PIP_NO_CACHE_DIR",
        "PIP_NO_INDEX",
        "PIP_PROXY",
        "PIP_RETRIES",
        "PIP_TIMEOUT",
        "PIP_TRUSTED_HOST",
    }
)


class SetupError(Exception):
    """The set-up can't go on; the message tells the user why, and the way out."""


def say(message: str) -> None:
    """Prints one line; at once, as what comes next may take a while or be another process's output."""
    print(f"copypatch: {message}", flush=True)


@contextlib.contextmanager
def step(message: str) -> Iterator[None]:
    """Prints what is being done, and when it is done, how long it took."""
    print(f"copypatch: {message} ... ", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - start:.1f} s", flush=True)


def clean_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environ` without what would make another Python, or pip, look outside of its own environment."""
    return {
        name: value
        for name, value in environ.items()
        if not (name.startswith("PIP_") and name not in PIP_SETTINGS_KEPT)
        and name not in ("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "__PYVENV_LAUNCHER__")
    }


def run_quietly(
    command: Sequence[str | Path], what: str, *, cwd: Path | None = None, held: Sequence[int] = ()
) -> None:
    """Runs `command`, and shows the end of what it printed only if it fails (SetupError).

    `held` are locks that it holds too: if this process is killed, they last until the command has ended.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environ(),
        pass_fds=held,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join("  | " + line for line in done.stdout.splitlines()[-15:])
        raise SetupError(f"{what} failed (exit status {done.returncode}):\n{tail}")


def base_python() -> str:
    """The Python under this one: itself, or what the running virtual environment was made from."""
    return getattr(sys, "_base_executable", None) or sys.executable


class Environment:
    """A virtual environment that holds some lock files' packages.

    Its stamp says which. The stamp is taken away before anything changes and written last, so an environment
    with a stamp is complete whatever happened in between; one without is made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stamp = folder / "copypatch-stamp.json"
        # Written before all else. A folder without it that is in the way is the user's, not ours to delete.
        self.owned = folder / "made-by-copypatch"

    def tool(self, name: str) -> Path:
        return self.folder / "bin" / name

    def installed(self) -> dict[str, str]:
        """Its groups and their locks' digests; none if it's incomplete, outdated, moved or without Python."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
            whole = (
                stamp["folder"] == str(self.folder)
                and stamp["python"] == os.path.realpath(self.tool("python"))
                and os.access(self.tool("python"), os.X_OK)
            )
            groups = dict(stamp["groups"])
            current = all(digest == lock_digest(group) for group, digest in groups.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return groups if whole and current else {}

    def has(self, groups: Sequence[str]) -> bool:
        return set(groups) <= self.installed().keys()

    def ensure(self, groups: Sequence[str]) -> bool:
        """Makes sure that all `groups` are installed; says whether there was anything to do."""
        if self.has(groups):
            return False
        with self._locked() as held:
            if self.has(groups):  # another process did it while this one waited
                return False
            present = self.installed()
            self.stamp.unlink(missing_ok=True)
            if not present:
                self._create(held)
            for group in groups:
                if group not in present:
                    self._install(group, held)
                    present[group] = lock_digest(group)
            self._write_stamp(present)
        return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Lets one process at a time change the environment. The lock lies beside it: the folder may go."""
        path = self.folder.with_name(self.folder.name + ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another set-up of {self.folder} ...")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()

    def _create(self, held: int) -> None:
        require_venv()
        if self.folder.exists() and not self.owned.exists() and any(self.folder.iterdir()):
            raise SetupError(
                f"{self.folder} is there already and was not made by bootstrap.py.\n"
                "Remove it, or set COPYPATCH_VENV to the folder where the environment is to be."
            )
        python = base_python()
        with step(f"making a Python {platform.python_version()} environment in {shown(self.folder)}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.owned.touch()
            for entry in self.folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry != self.owned:
                    entry.unlink()
            command = [python, "-I", "-m", "venv", str(self.folder)]
            run_quietly(command, "making the virtual environment", held=[held])

    def _install(self, group: str, held: int) -> None:
        names = {
            RUN: "scons, ninja and diskcache",
            DEV: "scons, ninja, diskcache and the developers' tools",
        }
        what = names.get(group, f"LLVM {group.removeprefix('llvm-')} from wheels (about 100 MB to fetch)")
        python = self.tool("python")
        with step(f"installing {what}"):
            # -I: neither the current folder nor the user's packages count as installed. --no-deps: the locks
            # are complete, so nothing is left to resolve. Wheels alone: a source archive runs code.
            options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
            options += ["--only-binary=:all:", "--require-hashes", "--requirement", str(lock_file(group))]
            run_quietly(
                [python, "-I", "-m", "pip", "install", *options],
                "pip install (is the network there? PIP_INDEX_URL and PIP_PROXY are passed on)",
                held=[held],
            )
            if group.startswith("llvm-"):
                # These wheels put their symlinks (bin/clang) in place when Python next starts.
                run_quietly([python, "-c", "pass"], "finishing the LLVM wheels", held=[held])
                if not os.access(self.tool("clang"), os.X_OK):
                    raise SetupError(f"the LLVM wheels have not made {self.tool('clang')}")

    def _write_stamp(self, groups: Mapping[str, str]) -> None:
        python = os.path.realpath(self.tool("python"))
        text = json.dumps(
            {"folder": str(self.folder), "python": python, "groups": groups}, indent=1, sort_keys=True
        )
        temporary = self.stamp.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(self.stamp)


def shown(path: Path) -> str:
    """`path` as it is best read: within the project relative to it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def lock_file(group: str) -> Path:
    return LOCKS / f"{group}.lock"


def lock_digest(group: str) -> str:
    return hashlib.sha256(lock_file(group).read_bytes()).hexdigest()


def project_environment() -> Environment:
    chosen = os.environ.get("COPYPATCH_VENV")
    return Environment(Path(chosen).absolute() if chosen else ROOT / ".venv")


def require_venv() -> None:
    """Debian and Ubuntu ship venv and ensurepip in a package of their own."""
    try:
        import ensurepip
        import venv
    except ImportError as error:
        raise SetupError(
            f"this Python ({sys.executable}) can't make virtual environments ({error}).\n"
            "On Debian or Ubuntu:  apt install python3-venv"
        ) from None
    del ensurepip, venv


def require_compiler() -> None:
    """The demo and the tests compile C for this machine: a compiler, its linker and libc's headers."""
    way_out = "On Debian or Ubuntu:  apt install build-essential"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SetupError(f"no C compiler was found (cc, gcc or clang).\n{way_out}")
    with tempfile.TemporaryDirectory(prefix="copypatch-") as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n", encoding="ascii")
        try:
            run_quietly([compiler, source, "-o", Path(folder, "probe")], f"{compiler}: compiling an empty program")
        except SetupError as error:
            raise SetupError(f"{error}\n{way_out}") from None


def machine_has_llvm() -> bool:
    """Whether this machine has an LLVM of its own that will do. The build looks with the same function."""
    sys.path.insert(0, str(ROOT / "site_scons"))
    from copypatch.errors import ToolchainError
    from copypatch.toolchain import find

    try:
        find(minimum=MINIMUM_LLVM)
    except ToolchainError:
        return False
    return True


def require_llvm_wheels() -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SetupError(
            f"no LLVM {MINIMUM_LLVM} or newer (clang, llvm-readobj, llvm-objdump) was found, and its "
            "wheels are for Linux on x86_64 only.\n"
            f"On Debian or Ubuntu:  apt install clang-{MINIMUM_LLVM} llvm-{MINIMUM_LLVM}"
        )


def set_up(group: str, *, verbose: bool = False) -> Environment:
    """Makes sure that `group`'s packages, a C compiler and an LLVM are there. Quick and silent if so."""
    environment = project_environment()
    groups = [DEV] if environment.has([DEV]) else [group]  # dev holds all of run
    if not environment.has([LLVM]) and not machine_has_llvm():
        require_llvm_wheels()
        groups.append(LLVM)
    changed = not environment.has(groups)
    if changed:
        require_compiler()
        environment.ensure(groups)
    if changed or verbose:
        folder = shown(environment.folder)
        say(f"set up. From now on: {folder}/bin/scons ... (or once: . {folder}/bin/activate, then: scons ...)")
    return environment


def become(command: Sequence[str | Path], environ: Mapping[str, str]) -> NoReturn:
    """Goes on as `command`, in the project's folder; signals and the exit status are then its own."""
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(command[0], [str(part) for part in command], environ)


def test(arguments: Sequence[str]) -> NoReturn:
    """Runs pytest, once what the tests need beside the packages has been brought here."""
    offline = "--offline" in arguments or "--no-provision" in arguments
    rest = [argument for argument in arguments if argument not in ("--offline", "--no-provision")]
    environment = set_up(DEV)
    environ = clean_environ()
    # In a process of its own: it is a part of the tests, and this file stays free of imports from there.
    with tempfile.TemporaryDirectory(prefix="copypatch-") as folder:
        result = Path(folder, "environ.json")
        options = ["--offline"] if offline else []
        command = [str(environment.tool("python")), "-m", "provision", "--write", str(result), *options]
        done = subprocess.run(command, cwd=ROOT / "tests", env=environ, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            sys.exit(done.returncode)
        environ.update(json.loads(result.read_text(encoding="utf-8")))
    # A file is one process's, as its tests share what was built for them once. What is said last counts: -n0.
    dealt = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    become([environment.tool("python"), "-m", "pytest", *dealt, *rest], environ)


def lock(arguments: Sequence[str]) -> None:
    """Remakes the lock files from pyproject.toml and locks/*.in, with pip-tools from an environment apart."""
    if sys.version_info[:2] != MINIMUM_PYTHON:
        raise SetupError("the locks must hold for every Python from 3.11 on: remake them with python3.11")
    require_venv()
    with tempfile.TemporaryDirectory(prefix="copypatch-") as folder:
        python = Path(folder, "bin", "python")
        with step("fetching pip-tools"):
            run_quietly([base_python(), "-I", "-m", "venv", folder], "making the virtual environment")
            run_quietly([python, "-I", "-m", "pip", "install", "--quiet", "pip-tools"], "pip install")
        os.environ["CUSTOM_COMPILE_COMMAND"] = "python3.11 bootstrap.py lock"
        for group, sources in {
            RUN: ["pyproject.toml"],
            DEV: ["pyproject.toml", "--extra", "dev"],
            LLVM: [f"locks/{LLVM}.in"],
            "llvm-18": ["locks/llvm-18.in"],
        }.items():
            with step(f"remaking {shown(lock_file(group))}"):
                target = f"--output-file={lock_file(group).relative_to(ROOT)}"
                command = ["-m", "piptools", "compile", "--quiet", target, *sources, *arguments]
                run_quietly([python, *command], "pip-compile", cwd=ROOT)


def main(arguments: Sequence[str]) -> None:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command == "run" and not rest:
        become([set_up(RUN).tool("scons"), "run"], clean_environ())
    elif command == "scons":
        become([set_up(RUN).tool("scons"), *rest], clean_environ())
    elif command == "test":
        test(rest)
    elif command == "setup" and rest in ([], ["--dev"]):
        set_up(DEV if rest else RUN, verbose=True)
    elif command == "lock":
        lock(rest)
    elif command in ("-h", "--help", "help"):
        print(__doc__)
    else:
        what = " ".join(arguments)
        sys.exit(f"bootstrap.py: don't know {what!r}; python3 bootstrap.py --help lists the commands")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupError as error:
        sys.exit(f"copypatch: {error}")
    except KeyboardInterrupt:
        sys.exit("\ncopypatch: interrupted; the same command goes on from here")
    except PermissionError as error:
        sys.exit(f"copypatch: {error.filename}: no permission; was it made by another user, such as root?")
    except OSError as error:
        sys.exit(f"copypatch: {error}")

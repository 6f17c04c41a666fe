"""Files: written whole or not at all, only when they change, and told apart without reading."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from copypatch.errors import OutputError
from copypatch.files import digest, digest_file, fingerprint, make_folder, read_text, remove, write_if_changed


def test_an_unchanged_file_keeps_its_mtime(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.h"
    assert write_if_changed(path, "one\n")
    os.utime(path, (1, 1))
    assert not write_if_changed(path, "one\n")
    assert path.stat().st_mtime == 1
    # The same size, but not the same text.
    assert write_if_changed(path, "two\n")
    assert path.read_text() == "two\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.h"]


def test_a_file_is_replaced_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "b.h"
    write_if_changed(path, "old")
    with path.open() as reader:
        write_if_changed(path, "new content")
        assert reader.read() == "old"


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    path = tmp_path / "latin1.c"
    path.write_bytes(b"// \xe9\r\n\n")
    write_if_changed(tmp_path / "copy.c", read_text(path))
    assert (tmp_path / "copy.c").read_bytes() == b"// \xe9\r\n\n"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.h"
    write_if_changed(path, "old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"b\.h: cannot be written \(No space left on device\); .*out=DIR"):
        write_if_changed(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.h"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/out: cannot create this output folder .*out=DIR"):
        make_folder(tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="out=DIR"):
        write_if_changed(tmp_path / "file" / "out" / "a.h", "x")


def test_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "shared.h"
    texts = [str(number) * 50_000 for number in range(8)]
    threads = [threading.Thread(target=write_if_changed, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert [entry.name for entry in tmp_path.iterdir()] == ["shared.h"]


def test_a_fingerprint_sees_what_can_happen_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h"
    path.write_text("one")
    seen = [fingerprint([path])]
    assert fingerprint([path]) == seen[0]
    before = path.stat()
    # Another text of the same size, with the old time put back: the inode changes.
    (tmp_path / "b.h").write_text("two")
    (tmp_path / "b.h").replace(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    seen.append(fingerprint([path]))
    os.utime(path, (5, 5))
    seen.append(fingerprint([path]))
    path.unlink()
    seen.append(fingerprint([path]))
    seen.append(fingerprint([]))
    assert len(set(seen)) == len(seen)


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    remove([tmp_path / "a", tmp_path / "b"])
    assert not (tmp_path / "a").exists()


def test_digests_of_text_bytes_and_files_agree(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("é".encode())
    assert digest("é") == digest("é".encode()) == digest_file(tmp_path / "a")


def test_text_that_is_no_utf_8_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "latin-1.h"
    path.write_bytes(b"// caf\xe9\n")
    assert digest(read_text(path)) == digest_file(path)

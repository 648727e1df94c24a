"""Artefacts appear whole or not at all, and nothing that is not ours is lost."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unbraid.core.artefacts import atomic_file, atomic_folder, verify_folder
from unbraid.core.artefacts.folder import exchange, replace_by_moving_aside
from unbraid.core.errors import ArtefactError, StorageError


def save(path: Path, text: str = "hello", kind: str = "note") -> None:
    with atomic_folder(path, kind=kind) as folder:
        (folder / "text.txt").write_text(text)
        (folder / "inner").mkdir()
        (folder / "inner" / "deep.bin").write_bytes(bytes(100))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_manifest_lists_what_was_written(tmp_path: Path) -> None:
    save(tmp_path / "made" / "on" / "the" / "way" / "note")
    path = tmp_path / "made" / "on" / "the" / "way" / "note"
    expected = {
        "text.txt": {"bytes": 5, "sha256": hashlib.sha256(b"hello").hexdigest()},
        "inner/deep.bin": {"bytes": 100, "sha256": hashlib.sha256(bytes(100)).hexdigest()},
    }
    assert json.loads((path / "CHECKSUMS.json").read_text())["files"] == expected
    assert verify_folder(path, kind="note")["files"] == expected
    assert os.listdir(path.parent) == ["note"]


def test_saving_again_replaces(tmp_path: Path) -> None:
    save(tmp_path / "note", "first")
    save(tmp_path / "note", "second")
    assert (tmp_path / "note" / "text.txt").read_text() == "second"
    verify_folder(tmp_path / "note")
    assert os.listdir(tmp_path) == ["note"]


def test_equal_contents_are_equal_bytes(tmp_path: Path) -> None:
    save(tmp_path / "a")
    save(tmp_path / "b")
    assert (tmp_path / "a" / "CHECKSUMS.json").read_bytes() == (tmp_path / "b" / "CHECKSUMS.json").read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    save(tmp_path / "note", "first")
    with pytest.raises(error), atomic_folder(tmp_path / "note", kind="note") as folder:
        (folder / "text.txt").write_text("second")
        raise error
    assert (tmp_path / "note" / "text.txt").read_text() == "first"
    verify_folder(tmp_path / "note")
    assert os.listdir(tmp_path) == ["note"]


def test_empty_folder_gives_way(tmp_path: Path) -> None:
    (tmp_path / "note").mkdir()
    save(tmp_path / "note")
    verify_folder(tmp_path / "note")


def make_file(path: Path) -> None:
    path.write_text("precious")


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "precious").write_text("precious")


def make_link(path: Path) -> None:
    make_folder(path.with_name("target"))
    path.symlink_to("target")


def make_other_kind(path: Path) -> None:
    save(path, "precious", kind="bundle")


def make_note_with_a_stranger(path: Path) -> None:
    save(path)
    (path / "inner" / "mine.txt").write_text("precious")


@pytest.mark.parametrize("make", [make_file, make_folder, make_link, make_other_kind, make_note_with_a_stranger])
def test_what_is_not_ours_is_refused_before_any_work(tmp_path: Path, make) -> None:
    make(tmp_path / "note")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(ArtefactError, match="note"), atomic_folder(tmp_path / "note", kind="note"):
        pytest.fail("the block must not run")
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_what_appears_meanwhile_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError), atomic_folder(tmp_path / "note", kind="note") as folder:
        (folder / "text.txt").write_text("new")
        make_folder(tmp_path / "note")
    assert (tmp_path / "note" / "precious").read_text() == "precious"
    assert os.listdir(tmp_path) == ["note"]


def test_links_are_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="link"), atomic_folder(tmp_path / "note", kind="note") as folder:
        (folder / "passwd").symlink_to("/etc/passwd")
    assert os.listdir(tmp_path) == []


def test_manifest_name_is_reserved(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="reserved"), atomic_folder(tmp_path / "note", kind="note") as folder:
        (folder / "CHECKSUMS.json").write_text("{}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("mask", "file_mode", "folder_mode"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)])
def test_modes_follow_the_umask(tmp_path: Path, mask: int, file_mode: int, folder_mode: int) -> None:
    with umask(mask):
        save(tmp_path / "note")
    for path in [tmp_path / "note", *(tmp_path / "note").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (folder_mode if path.is_dir() else file_mode), path


def test_relative_path_survives_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with atomic_folder("note", kind="note"):
        monkeypatch.chdir(tmp_path / "elsewhere")
    verify_folder(tmp_path / "note")


def test_a_file_in_the_way_of_the_parent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(StorageError, match="in the way") as caught:
        save(tmp_path / "file" / "note")
    assert caught.value.exit_code == 1
    assert str(tmp_path / "file" / "note") in str(caught.value)


def test_other_os_errors_of_the_block_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "note", kind="note"):
        (tmp_path / "input that is missing").read_bytes()
    assert os.listdir(tmp_path) == []


def test_too_little_room_is_said_beforehand(tmp_path: Path) -> None:
    too_little = pytest.raises(StorageError, match=r"expected: +1000000000\.0 GB free")
    with too_little, atomic_folder(tmp_path / "note", kind="note", needs=10**18):
        pytest.fail("the block must not run")


def test_exchange_swaps_in_one_step(tmp_path: Path) -> None:
    save(tmp_path / "a", "first")
    save(tmp_path / "b", "second")
    if not exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange names")
    assert (tmp_path / "a" / "text.txt").read_text() == "second"
    assert (tmp_path / "b" / "text.txt").read_text() == "first"
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        exchange(tmp_path / "a", tmp_path / "missing")


def test_moving_aside_puts_back_on_failure(tmp_path: Path) -> None:
    save(tmp_path / "note", "first")
    with pytest.raises(FileNotFoundError):
        replace_by_moving_aside(tmp_path / "missing", tmp_path / "note")
    assert (tmp_path / "note" / "text.txt").read_text() == "first"
    save(tmp_path / "other", "second")
    replace_by_moving_aside(tmp_path / "other", tmp_path / "note")
    assert (tmp_path / "note" / "text.txt").read_text() == "second"
    assert os.listdir(tmp_path) == ["note"]


def test_atomic_file_keeps_the_old_one_on_failure(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "in" / "a.txt") as path:
        path.write_text("first")
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "in" / "a.txt") as path:
        path.write_text("sec")
        raise RuntimeError
    assert (tmp_path / "in" / "a.txt").read_text() == "first"
    assert os.listdir(tmp_path / "in") == ["a.txt"]

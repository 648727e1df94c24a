"""Readers notice every way in which an artefact is not what was written."""

import json
import os
from pathlib import Path

import pytest

from unbraid.core.artefacts import MANIFEST, atomic_folder, verify_folder
from unbraid.core.errors import ArtefactError, DamagedArtefactError, FormatVersionError

CONTENTS = {"config.json": b'{"width": 8}\n', "deep/weights.bin": bytes(range(256)) * 8}


@pytest.fixture
def head(tmp_path: Path) -> Path:
    with atomic_folder(tmp_path / "head", kind="head") as folder:
        for name, content in CONTENTS.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return tmp_path / "head"


def edit_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))


@pytest.mark.parametrize("name", CONTENTS)
def test_every_flipped_bit_of_a_file_is_found(head: Path, name: str) -> None:
    original = CONTENTS[name]
    for position in {0, 1, len(original) // 2, len(original) - 1}:
        for bit in range(8):
            damaged = bytearray(original)
            damaged[position] ^= 1 << bit
            (head / name).write_bytes(damaged)
            with pytest.raises(DamagedArtefactError, match=f"{name} is altered"):
                verify_folder(head, kind="head")
    (head / name).write_bytes(original)
    verify_folder(head, kind="head")


def test_every_flipped_bit_of_the_manifest_is_found(head: Path) -> None:
    original = (head / MANIFEST).read_bytes()
    for position in range(len(original)):
        for bit in range(8):
            damaged = bytearray(original)
            damaged[position] ^= 1 << bit
            (head / MANIFEST).write_bytes(damaged)
            with pytest.raises(ArtefactError):
                verify_folder(head, kind="head")


@pytest.mark.parametrize("name", CONTENTS)
def test_sizes(head: Path, name: str) -> None:
    size = len(CONTENTS[name])
    os.truncate(head / name, size - 1)
    with pytest.raises(DamagedArtefactError, match=rf"{name} is truncated\n.*{size} bytes\n.*{size - 1} bytes"):
        verify_folder(head)
    (head / name).write_bytes(CONTENTS[name] + b"x")
    with pytest.raises(DamagedArtefactError, match=rf"{name} is longer"):
        verify_folder(head)
    (head / name).unlink()
    with pytest.raises(DamagedArtefactError, match=rf"{name} is missing"):
        verify_folder(head)
    (head / name).mkdir()
    with pytest.raises(DamagedArtefactError, match=rf"{name} is missing"):
        verify_folder(head)


def test_without_manifest(head: Path) -> None:
    (head / MANIFEST).unlink()
    with pytest.raises(DamagedArtefactError, match=r"CHECKSUMS\.json, which is written last"):
        verify_folder(head)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no folder"):
        verify_folder(tmp_path / "head")
    (tmp_path / "file").touch()
    with pytest.raises(ArtefactError, match="a file"):
        verify_folder(tmp_path / "file")


def test_strangers_are_not_looked_at(head: Path) -> None:
    (head / "notes.txt").write_text("mine")
    assert set(verify_folder(head)["files"]) == set(CONTENTS)


def test_kind_and_version(head: Path) -> None:
    assert verify_folder(head)["kind"] == "head"
    with pytest.raises(ArtefactError, match=r"a bundle\n.*a head"):
        verify_folder(head, kind="bundle")
    edit_manifest(head, version=2, files="in another form")
    with pytest.raises(FormatVersionError, match="version 1 or older"):
        verify_folder(head)


@pytest.mark.parametrize("name", ["config.json", MANIFEST])
def test_a_link_is_refused_although_its_contents_are_right(head: Path, name: str) -> None:
    (head / name).rename(head.with_name("elsewhere"))
    (head / name).symlink_to(head.with_name("elsewhere"))
    with pytest.raises(DamagedArtefactError, match=f"{name} is a link"):
        verify_folder(head)


def test_a_folder_that_is_a_link_is_refused(head: Path) -> None:
    (head / "deep").rename(head.with_name("elsewhere"))
    (head / "deep").symlink_to(head.with_name("elsewhere"))
    with pytest.raises(DamagedArtefactError, match="deep is a link"):
        verify_folder(head)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "deep/../../secret", "..\\secret", "C:secret"])
def test_names_that_lead_out_are_refused(head: Path, name: str) -> None:
    head.with_name("secret").write_text("x")
    edit_manifest(head, files={name: {"bytes": 1, "sha256": "0" * 64}})
    with pytest.raises(DamagedArtefactError, match="outside its folder"):
        verify_folder(head)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"format": "unbraid-artefact"}', '{"a": NaN}', "\xff"]
)
def test_manifests_that_are_none(head: Path, text: str) -> None:
    (head / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(DamagedArtefactError, match=MANIFEST):
        verify_folder(head)

"""USPS, street characters and faces, against what is published of them, and with every fault of their files."""

import csv
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import DataError, LabelError

#: sha256 of the files that hold all pictures of a data set.
SHA256 = {
    "usps/usps_16x16_uint16_div2000.npz": "3a06993d64cf7edc8e4e3c186e3f98f9ad8956e857e92900d2acff7747c6715a",
    "street-chars/street_chars_32.npz": "4f6c84540e61f4c4d2fa04a4284eb6b881e07fdf318eff277008f7f497a6556d",
    "london-faces/london_faces_256.zip": "604256506a7f33a8ac754496a55e0e11ed9f431feb264e083defdca559c5d27a",
    "lpc-sprites/lpc_sheets.zip": "f69a3485059323e3e18b4379ab733d1a75f52de3fa419a9f49e94b857524443f",
}


@pytest.mark.parametrize(("file", "digest"), SHA256.items())
def test_the_files_are_the_documented_ones(data_folder: Path, file: str, digest: str) -> None:
    assert hashlib.sha256((data_folder / file).read_bytes()).hexdigest() == digest


def test_usps_class_counts_and_parts(data_folder: Path) -> None:
    both, train, test = (load_dataset("usps", root=str(data_folder), part=part) for part in ("all", "train", "test"))
    assert [len(each) for each in (both, train, test)] == [9298, 7291, 2007]
    assert np.bincount(train.labels["content"]).tolist() == [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
    np.testing.assert_array_equal(both.images[np.arange(7291, 9298)], test.images[np.arange(2007)])
    assert len({both.name, train.name, test.name}) == 3


def test_usps_pixels_are_thousandths_of_two(data_folder: Path) -> None:
    data = load_dataset("usps", root=str(data_folder))
    with np.load(data_folder / "usps" / "usps_16x16_uint16_div2000.npz") as arrays:
        wanted = arrays["train_images"][:500] / 2000
    np.testing.assert_allclose(data.images[np.arange(500)][:, 0] / 255, wanted, atol=0.5 / 255 + 1e-9)


def test_usps_labels_that_do_not_match(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "usps").mkdir()
    with np.load(data_folder / "usps" / "usps_16x16_uint16_div2000.npz") as stored:
        arrays = dict(stored)
    arrays["test_labels"] = arrays["test_labels"][:-1]
    np.savez(tmp_path / "usps" / "usps_16x16_uint16_div2000.npz", **arrays)
    with pytest.raises(LabelError, match="test labels do not match the images"):
        load_dataset("usps", root=str(tmp_path))
    assert len(load_dataset("usps", root=str(tmp_path), part="train")) == 7291


def test_street_chars_counts_and_colour(data_folder: Path) -> None:
    data = load_dataset("street-chars", root=str(data_folder))
    assert data.images.shape == (6283, 3, 32, 32) and data.content.count == 62
    counts = np.bincount(data.labels["content"], minlength=62)
    assert counts[:10].sum() == 446 and counts.min() > 0
    with np.load(data_folder / "street-chars" / "street_chars_32.npz") as arrays:
        np.testing.assert_array_equal(data.images[np.array([77])][0], arrays["images"][77].transpose(2, 0, 1))
        names = [data.content.classes[label] for label in data.labels["content"]]
        assert names == [chr(code) for code in arrays["labels"]]


def test_street_chars_codes_that_are_no_characters(tmp_path: Path) -> None:
    (tmp_path / "street-chars").mkdir()
    file = tmp_path / "street-chars" / "street_chars_32.npz"
    images = np.zeros((4, 32, 32, 3), np.uint8)
    np.savez(file, images=images, labels=np.array([48, 49, 64, 65], np.uint8))
    with pytest.raises(LabelError, match="1 other codes"):
        load_dataset("street-chars", root=str(tmp_path))
    np.savez(file, images=images[..., 0], labels=np.array([48, 49, 50, 65], np.uint8))
    with pytest.raises(DataError, match="another file"):
        load_dataset("street-chars", root=str(tmp_path))


def test_faces_counts_and_pixels(data_folder: Path) -> None:
    data = load_dataset("london-faces", root=str(data_folder))
    assert data.images.shape == (204, 3, 256, 256)
    assert data.content.count == 102 and data.style is not None and data.style.classes == ("neutral", "smiling")
    with (data_folder / "london-faces" / "london_info.csv").open() as stream:
        assert data.content.classes == tuple(sorted(row["face_id"] for row in csv.DictReader(stream)))
    row = 2 * data.content.classes.index("031") + 1
    with zipfile.ZipFile(data_folder / "london-faces" / "london_faces_256.zip") as archive:
        wanted = np.asarray(Image.open(archive.open("smiling/031.jpg")))
    np.testing.assert_array_equal(data.images[np.array([row])][0].transpose(1, 2, 0), wanted)
    assert np.bincount(data.labels["style"]).tolist() == [102, 102]


def test_faces_a_corrupt_picture_is_named_and_left_out_on_request(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "london-faces").mkdir()
    with (
        zipfile.ZipFile(data_folder / "london-faces" / "london_faces_256.zip") as source,
        zipfile.ZipFile(tmp_path / "london-faces" / "london_faces_256.zip", "w") as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:700] if name == "smiling/007.jpg" else content)
    data = load_dataset("london-faces", root=str(tmp_path), size=16)
    with pytest.raises(DataError, match=r"london_faces_256\.zip/smiling/007\.jpg cannot be read"):
        data.images[np.arange(204)]
    skipped = load_dataset("london-faces", root=str(tmp_path), size=16, on_error="skip")
    assert skipped.images[np.arange(203)].shape == (203, 3, 16, 16)
    assert np.bincount(skipped.labels["content"]).tolist().count(1) == 1


def test_faces_files_that_are_no_faces(tmp_path: Path) -> None:
    (tmp_path / "london-faces").mkdir()
    file = tmp_path / "london-faces" / "london_faces_256.zip"
    file.write_bytes(b"PK\3\4 cut off")
    with pytest.raises(DataError, match="no zip file"):
        load_dataset("london-faces", root=str(tmp_path))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match="another file"):
        load_dataset("london-faces", root=str(tmp_path))

"""Folders of pictures: pixels come through, and every bad file has an error that names it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError, DataError, LabelError
from unbraid.core.interfaces import Dataset

CLASSES = ("owl", "robin", "wren")


def picture(seed: int, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(CLASSES):
        (tmp_path / "data" / name).mkdir(parents=True)
        for each in range(3):
            picture(10 * number + each).save(tmp_path / "data" / name / f"{each}.png")
    return tmp_path / "data"


def load(root: Path, **settings: Any) -> Dataset:
    return load_dataset("folder", path=str(root), **{"size": 8, **settings})


def test_pictures_come_through_unchanged_where_nothing_is_to_do(root: Path) -> None:
    data = load(root)
    assert data.images.shape == (9, 3, 8, 8) and data.content.classes == CLASSES
    for row in (0, 4, 8):
        expected = np.asarray(picture(10 * (row // 3) + row % 3)).transpose(2, 0, 1)
        np.testing.assert_array_equal(data.images[np.array([row])][0], expected)
        assert data.labels["content"][row] == row // 3


def test_rows_in_any_order_and_none(root: Path) -> None:
    data = load(root)
    everything = data.images[np.arange(9)]
    np.testing.assert_array_equal(data.images[np.array([5, 0, 5])], everything[[5, 0, 5]])
    assert data.images[np.array([], dtype=np.int64)].shape == (0, 3, 8, 8)


def test_grey(root: Path) -> None:
    data = load(root, colour=False)
    np.testing.assert_array_equal(data.images[np.array([0])][0, 0], np.asarray(picture(0).convert("L")))


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "bmp", "PNG"])
def test_formats(root: Path, suffix: str) -> None:
    flat = Image.new("RGB", (20, 20), (200, 100, 50))
    flat.save(root / "owl" / f"0_flat.{suffix}")
    pixels = load(root).images[np.array([1])][0]
    np.testing.assert_allclose(pixels.mean((1, 2)), [200, 100, 50], atol=3)


@pytest.mark.parametrize(("fit", "mean"), [("crop", 255.0), ("pad", 255 / 4), ("stretch", 255 / 2)])
def test_what_is_not_square_becomes_so_as_told(root: Path, fit: str, mean: float) -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 4:12] = 255  # the middle half is white
    Image.fromarray(wide).save(root / "owl" / "0.png")
    found = load(root, fit=fit).images[np.array([0])].mean()
    assert abs(found - mean) < 12


def test_transparency_is_laid_on_white_and_orientation_is_undone(root: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(root / "owl" / "0.png")
    assert load(root).images[np.array([0])].min() == 255
    lying = picture(7, (8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    lying.save(root / "owl" / "0.png", exif=exif)
    upright = np.asarray(lying.transpose(Image.Transpose.ROTATE_270)).transpose(2, 0, 1)
    np.testing.assert_array_equal(load(root).images[np.array([0])][0], upright)


def test_palettes_become_colours(root: Path) -> None:
    flat = Image.new("RGB", (8, 8), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    flat.save(root / "owl" / "0.png")
    np.testing.assert_allclose(load(root).images[np.array([0])].mean((0, 2, 3)), [10, 200, 30], atol=2)


def test_styles_from_a_table(root: Path) -> None:
    table = root.parent / "styles.csv"
    table.write_text("file,label\nowl/0.png,dusk\nwren/2.png,dawn\nrobin/1.png,dusk\n")
    data = load(root, style=str(table), style_label="light")
    assert data.style is not None and data.style.name == "light" and data.style.classes == ("dawn", "dusk")
    assert data.labels["style"].tolist() == [1, -1, -1, -1, 1, -1, -1, -1, 0]


def test_attributes_from_tables(root: Path) -> None:
    table = root.parent / "age.csv"
    table.write_text("file,label\nowl/0.png,old\nwren/2.png,young\n")
    data = load(root, attributes={"age": str(table)})
    assert data.style is None and data.attributes["age"].classes == ("old", "young")
    assert data.labels["age"].tolist() == [0, -1, -1, -1, -1, -1, -1, -1, 1]
    np.testing.assert_array_equal(data.training_rows(), load(root).training_rows())


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("file,label\nowl/00.png,x\n", LabelError, "did you mean 'owl/0.png'"),
        ("file,label\nowl/0.png,x\nowl/0.png,y\n", LabelError, "twice"),
        ("path,label\nowl/0.png,x\n", DataError, "file,label"),
        ("file,label\nowl/0.png\n", DataError, "malformed line"),
        ("", DataError, "wrong columns"),
    ],
)
def test_tables_that_do_not_fit(root: Path, text: str, kind: type[Exception], message: str) -> None:
    table = root.parent / "styles.csv"
    table.write_text(text)
    with pytest.raises(kind, match=message):
        load(root, style=str(table))
    table.unlink()
    with pytest.raises(DataError, match="no such CSV file"):
        load(root, style=str(table))


def test_a_corrupt_file_is_named_when_it_is_read_and_left_out_on_request(root: Path) -> None:
    corrupt = root / "robin" / "1.png"
    corrupt.write_bytes(corrupt.read_bytes()[:60])
    data = load(root)
    data.images[np.array([0, 3])]
    with pytest.raises(DataError, match=r"robin/1\.png cannot be read"):
        data.images[np.array([4])]
    skipped = load(root, on_error="skip")
    assert skipped.labels["content"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert skipped.images[np.arange(8)].shape == (8, 3, 8, 8)


def test_a_file_that_lies_about_its_format(root: Path) -> None:
    picture(1).save(root / "owl" / "0.gif")
    (root / "owl" / "0.gif").rename(root / "owl" / "1.png")
    with pytest.raises(DataError, match=r"owl/1\.png cannot be read.*\n.*PNG, JPEG, WEBP, BMP"):
        load(root).images[np.array([1])]


def test_more_than_8_bits_are_refused(root: Path) -> None:
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(root / "owl" / "0.png")
    with pytest.raises(DataError, match="8 bits"):
        load(root).images[np.array([0])]


def test_unsupported_files_are_named_and_clutter_is_not(root: Path) -> None:
    (root / "owl" / ".hidden").write_text("")
    (root / "owl" / "Thumbs.db").write_text("")
    assert len(load(root)) == 9
    (root / "owl" / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"notes\.txt cannot be read"):
        load(root)
    assert len(load(root, on_error="skip")) == 9


def test_classes_of_one_picture_or_none(root: Path) -> None:
    (root / "eagle").mkdir()
    with pytest.raises(DataError, match="'eagle' has no pictures"):
        load(root)
    picture(1).save(root / "eagle" / "0.png")
    with pytest.raises(LabelError, match="'eagle' has a single picture"):
        load(root)


def test_folders_that_hold_no_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path / "absent")
    with pytest.raises(DataError, match="no classes"):
        load(tmp_path)
    with pytest.raises(ConfigError, match="size"):
        load(tmp_path, size=0)


def test_splits_depend_on_names_alone(root: Path) -> None:
    first = load(root)
    (root / "owl" / "9.png").write_bytes((root / "owl" / "0.png").read_bytes())
    assert load(root).splits == first.splits
    listed = load(root, content_split={"classes": {"train": ["owl", "wren"], "test": ["robin"]}})
    assert listed.splits["content"] == {"train": (0, 2), "validation": (), "test": (1,)}


def test_one_corrupt_file_among_thousands_is_named(tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        picture(1).save(tmp_path / name / "0000.png")
        stored = (tmp_path / name / "0000.png").read_bytes()
        for number in range(1, 1000):
            (tmp_path / name / f"{number:04d}.png").write_bytes(stored)
    (tmp_path / "robin" / "0777.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    data = load(tmp_path)
    with pytest.raises(DataError, match=r"robin/0777\.png cannot be read"):
        data.images[np.arange(len(data))]
    assert len(load(tmp_path, on_error="skip")) == 2999


def test_a_table_of_a_single_style(root: Path) -> None:
    table = root.parent / "styles.csv"
    table.write_text("file,label\nowl/0.png,dusk\nwren/2.png,dusk\n")
    with pytest.raises(LabelError, match="'style' is no style"):
        load(root, style=str(table))

"""Data sets in `.npz` files: every layout gives the same pictures, every fault its own error."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError, DataError, ImageError, LabelError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
LABELS = np.arange(12) % 4


def write(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_colour_in_either_order(tmp_path: Path, layout: str) -> None:
    images = COLOUR if layout == "nchw" else COLOUR.transpose(0, 2, 3, 1)
    data = load_dataset("npz", path=write(tmp_path, images=images, labels=LABELS))
    np.testing.assert_array_equal(data.images[np.arange(12)], COLOUR)
    np.testing.assert_array_equal(data.labels["content"], LABELS)
    assert data.style is None and data.content.classes == ("0", "1", "2", "3")


def test_grey_and_a_full_grid_hold_the_same(tmp_path: Path) -> None:
    grid = RNG.integers(0, 256, (4, 3, 6, 5), dtype=np.uint8)
    names = {"letters": np.array(["a", "b", "c", "d"]), "hands": np.array(["x", "y", "z"])}
    path = write(tmp_path, images=grid, **names)
    data = load_dataset("npz", path=path, content_names="letters", style_names="hands", content_label="letter")
    assert data.content.name == "letter" and data.content.classes == ("a", "b", "c", "d")
    for row in range(12):
        content, style = data.labels["content"][row], data.labels["style"][row]
        np.testing.assert_array_equal(data.images[np.array([row])][0, 0], grid[content, style])
    flat = {"images": grid.reshape(12, 6, 5), "content": data.labels["content"], "style": data.labels["style"]}
    assert load_dataset("npz", path=write(tmp_path, **flat)).fingerprint == data.fingerprint


def test_a_colour_grid(tmp_path: Path) -> None:
    grid = RNG.integers(0, 256, (4, 3, 6, 5, 3), dtype=np.uint8)
    data = load_dataset("npz", path=write(tmp_path, images=grid))
    np.testing.assert_array_equal(data.images[np.array([7])][0], grid[2, 1].transpose(2, 0, 1))


def test_floats_are_scaled(tmp_path: Path) -> None:
    path = write(tmp_path, images=COLOUR.astype(np.float32) / 255, labels=LABELS)
    np.testing.assert_array_equal(load_dataset("npz", path=path).images[np.arange(12)], COLOUR)


def test_text_labels_gaps_and_missing_ones(tmp_path: Path) -> None:
    words = np.array(["wren", "robin", "owl"] * 4)
    numbers = np.array([7, 3, -1, 9] * 3)
    path = write(tmp_path, images=COLOUR, bird=words, ring=numbers)
    data = load_dataset("npz", path=path, content="bird", style="ring", style_label="ring")
    assert data.content.classes == ("owl", "robin", "wren")
    assert data.style is not None and data.style.classes == ("3", "7", "9")
    assert [data.content.classes[i] for i in data.labels["content"]] == list(words)
    assert data.labels["style"][:4].tolist() == [1, 0, -1, 2]


def test_named_classes_that_do_not_occur_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path, images=COLOUR, labels=LABELS, names=np.array(list("abcdef")))
    data = load_dataset("npz", path=path, content_names="names")
    assert data.content.classes == tuple("abcdef")


def test_splits_by_share_and_by_list(tmp_path: Path) -> None:
    path = write(tmp_path, images=COLOUR, labels=LABELS)
    lists = {"train": ["0", "3"], "validation": ["2"], "test": ["1"]}
    data = load_dataset("npz", path=path, content_split={"classes": lists})
    assert data.splits["content"] == {"train": (0, 3), "validation": (2,), "test": (1,)}
    shared = load_dataset("npz", path=path, content_split={"shares": [2, 1, 1], "seed": 5})
    assert [len(shared.splits["content"][s]) for s in ("train", "validation", "test")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("arrays", "settings", "kind", "message"),
    [
        ({"image": COLOUR, "labels": LABELS}, {}, DataError, "did you mean 'image'"),
        ({"images": COLOUR, "labels": LABELS}, {"content": "label"}, DataError, "did you mean 'labels'"),
        ({"images": COLOUR, "labels": LABELS[:5]}, {}, LabelError, r"12 labels.*\n.*shape \(5,\)"),
        ({"images": COLOUR, "labels": np.eye(12)}, {}, LabelError, "12 labels"),
        ({"images": COLOUR, "labels": LABELS, "style": LABELS[1:]}, {}, LabelError, "'style' does not match"),
        ({"images": COLOUR, "labels": LABELS * 0.5}, {}, LabelError, "integers"),
        ({"images": COLOUR, "labels": LABELS - 2}, {}, LabelError, r">= -1.*\n.*-2"),
        ({"images": COLOUR, "labels": LABELS.astype(object)}, {}, DataError, "pickled Python objects"),
        ({"images": COLOUR.astype(object), "labels": LABELS}, {}, DataError, "pickled Python objects"),
        ({"images": COLOUR.astype(np.int64), "labels": LABELS}, {}, ImageError, "int64"),
        ({"images": COLOUR / 1.0, "labels": LABELS}, {}, ImageError, r"looks like 0\.\.255"),
        ({"images": COLOUR / 255 - 0.5, "labels": LABELS}, {}, ImageError, "out of range"),
        ({"images": COLOUR * np.nan, "labels": LABELS}, {}, ImageError, "nan"),
        ({"images": COLOUR[:, 0]}, {}, ImageError, "no full grid"),
        ({"images": COLOUR[:, :2], "labels": LABELS}, {}, ImageError, "say so: layout"),
        ({"images": COLOUR[..., :3], "labels": LABELS}, {}, ImageError, "say so: layout"),
        ({"images": COLOUR[:, :2], "labels": LABELS}, {"layout": "nchw"}, ImageError, "1 or 3 channels"),
        ({"images": COLOUR, "labels": LABELS}, {"layout": "nhw"}, ImageError, "3 dimensions"),
        ({"images": COLOUR, "labels": LABELS}, {"layout": "chwn"}, ConfigError, "'grid' or 'nhw'"),
        ({"images": COLOUR, "labels": LABELS, "n": np.array(["a"])}, {"content_names": "n"}, LabelError, "4 names"),
        ({"images": COLOUR, "n": np.array(["a"])}, {"content_names": "n"}, LabelError, "12 different names"),
        ({"images": COLOUR, "labels": LABELS * 0}, {}, LabelError, "too few classes"),
    ],
)
def test_faults(
    tmp_path: Path, arrays: dict[str, Any], settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        load_dataset("npz", path=write(tmp_path, **arrays), **settings)


def test_files_that_are_no_archives(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data file"):
        load_dataset("npz", path=str(tmp_path / "absent.npz"))
    path = tmp_path / "text.npz"
    path.write_text("not a zip")
    with pytest.raises(DataError, match=r"no \.npz file"):
        load_dataset("npz", path=str(path))
    np.save(tmp_path / "one.npy", COLOUR)
    with pytest.raises(DataError, match=r"no \.npz file"):
        load_dataset("npz", path=str(tmp_path / "one.npy"))


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = Path(write(tmp_path, images=COLOUR, labels=LABELS))
    content = bytearray(path.read_bytes())
    content[400] ^= 0xFF  # within the pixels
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        load_dataset("npz", path=str(path))


def test_attributes_by_name_from_any_key(tmp_path: Path) -> None:
    hats = np.array(["none", "bowler"])[np.arange(12) % 2]
    path = write(tmp_path, images=COLOUR, labels=LABELS, hat=hats, years=np.where(LABELS == 3, -1, 10 * LABELS))
    data = load_dataset("npz", path=path, attributes={"hat": "hat", "age": "years"})
    assert data.attributes["hat"].classes == ("bowler", "none") and data.attributes["age"].classes == ("0", "10", "20")
    np.testing.assert_array_equal(data.labels["hat"], 1 - np.arange(12) % 2)
    np.testing.assert_array_equal(data.labels["age"], np.where(LABELS == 3, -1, LABELS))
    assert data.splits.keys() == {"content"} and len(data.rows(age="train")) == 12


def test_attributes_may_be_split(tmp_path: Path) -> None:
    path = write(tmp_path, images=COLOUR, labels=LABELS, hat=np.arange(12) % 3)
    split = {"classes": {"train": ["0", "1"], "test": ["2"]}}
    data = load_dataset("npz", path=path, attributes={"hat": "hat"}, attribute_splits={"hat": split})
    np.testing.assert_array_equal(data.rows(hat="test"), [2, 5, 8, 11])
    with pytest.raises(ConfigError, match="did you mean 'hat'"):
        load_dataset("npz", path=path, attributes={"hat": "hat"}, attribute_splits={"hats": split})


def test_attributes_of_a_grid_and_of_another_length(tmp_path: Path) -> None:
    grid = RNG.integers(0, 256, (4, 3, 6, 5), dtype=np.uint8)
    path = write(tmp_path, images=grid, slant=np.arange(12) // 6, short=np.arange(4))
    data = load_dataset("npz", path=path, attributes={"slant": "slant"})
    np.testing.assert_array_equal(data.labels["slant"], data.labels["content"] // 2)
    with pytest.raises(LabelError, match="'short' does not match the images"):
        load_dataset("npz", path=path, attributes={"slant": "short"})
    with pytest.raises(DataError, match="slnt"):
        load_dataset("npz", path=path, attributes={"slant": "slnt"})

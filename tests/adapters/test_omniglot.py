"""Omniglot: the published split, rotations, alphabets, and the official one-shot runs as an independent copy."""

import csv
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unbraid.core.catalogue import load_dataset
from unbraid.core.data_files.resizing import resized
from unbraid.core.errors import DataError
from unbraid.core.interfaces import Dataset

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def upright(data_folder: Path) -> Dataset:
    return load_dataset("omniglot", root=str(data_folder), size=28)


@pytest.fixture(scope="module")
def turned(data_folder: Path) -> Dataset:
    return load_dataset("omniglot", root=str(data_folder), size=28, rotations=True)


def test_counts(upright: Dataset, turned: Dataset) -> None:
    assert upright.images.shape == (32_460, 1, 28, 28) and upright.content.count == 1623
    assert turned.images.shape == (129_840, 1, 28, 28) and turned.content.count == 6492
    assert (np.bincount(upright.labels["content"]) == 20).all()
    assert upright.style is not None and upright.style.count == 50 * 20


def test_the_split_is_that_of_the_lists(data_folder: Path, upright: Dataset, turned: Dataset) -> None:
    assert [len(upright.splits["content"][s]) for s in SPLITS] == [1028, 172, 423]
    assert [len(turned.splits["content"][s]) for s in SPLITS] == [4112, 688, 1692]
    listed = (data_folder / "omniglot" / "vinyals" / "test.txt").read_text().split()
    assert {turned.content.classes[i] for i in turned.splits["content"]["test"]} == set(listed)


def test_rotations_are_in_the_split_of_their_base(upright: Dataset, turned: Dataset) -> None:
    split_of = {upright.content.classes[i]: s for s, each in upright.splits["content"].items() for i in each}
    for split, classes in turned.splits["content"].items():
        assert all(split_of[turned.content.classes[i].rsplit("/", 1)[0]] == split for i in classes)


def test_rotations_are_quarter_turns_as_pillow_makes_them(upright: Dataset, turned: Dataset) -> None:
    rng = np.random.default_rng(0)
    for row in rng.integers(0, len(turned), 40):
        character, turn = divmod(int(turned.labels["content"][row]), 4)
        base = upright.images[np.array([character * 20 + row % 20])][0, 0]
        wanted = np.asarray(Image.fromarray(base).rotate(90 * turn))
        np.testing.assert_array_equal(turned.images[np.array([row])][0, 0], wanted)
        assert turned.content.classes[character * 4 + turn].endswith(f"/rot{90 * turn:03d}")
        assert turned.labels["style"][row] == upright.labels["style"][character * 20 + row % 20]


def test_characters_are_those_of_the_official_one_shot_runs(data_folder: Path, upright: Dataset) -> None:
    """Each training picture of an official run is in the row of its drawer, bit for bit before reduction."""
    members = zipfile.Path(data_folder / "omniglot" / "one-shot_all_runs.zip")
    found = {upright.images[np.array([row])].tobytes() for row in range(964 * 20, 32_460)}
    files = [f for run in members.iterdir() if run.is_dir() for f in (run / "training").iterdir()][:60]
    assert len(files) == 60
    for file in files:
        with file.open("rb") as stream:
            ink = ~np.asarray(Image.open(stream).convert("1"))
        assert resized(ink[None, None].astype(np.uint8) * 255, 28).tobytes() in found


def test_ink_is_bright(upright: Dataset) -> None:
    pictures = upright.images[np.arange(0, 32_460, 7)]
    corners = pictures[:, 0][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.median(corners) == 0 and pictures.mean() < 40 and "255" in upright.notes


def test_alphabets_and_drawers(data_folder: Path, upright: Dataset) -> None:
    with (data_folder / "omniglot" / "alphabets.csv").open() as stream:
        sizes = {row["alphabet"]: int(row["characters"]) for row in csv.DictReader(stream)}
    names = [name.split("/")[0] for name in upright.content.classes]
    assert {alphabet: names.count(alphabet) for alphabet in sizes} == sizes
    assert upright.style is not None
    for row in range(0, 32_460, 97):
        drawer = upright.style.classes[upright.labels["style"][row]]
        assert drawer == f"{names[upright.labels['content'][row]]}/drawer{row % 20 + 1:02d}"


def test_training_rows_are_all_drawings_of_training_characters(upright: Dataset) -> None:
    assert len(upright.rows(content="train", style="train")) == 1028 * 20
    assert len(upright.rows(content="validation", style="validation")) == 172 * 20


def test_no_alphabet_of_validation_or_test_is_trained_on(upright: Dataset) -> None:
    assert upright.style is not None
    of = {
        split: {upright.content.classes[i].split("/")[0] for i in upright.splits["content"][split]} for split in SPLITS
    }
    assert not of["train"] & (of["validation"] | of["test"])
    assert of["validation"] & of["test"] == {"Gurmukhi"}  # the published lists cut it
    people = {
        split: {upright.style.classes[i].split("/")[0] for i in upright.splits["style"][split]} for split in SPLITS
    }
    assert people == {"train": of["train"], "validation": of["validation"], "test": of["test"] - of["validation"]}


def test_lists_that_do_not_match(data_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(data_folder / "omniglot", tmp_path / "omniglot", ignore=shutil.ignore_patterns("one-shot*"))
    test = tmp_path / "omniglot" / "vinyals" / "test.txt"
    test.write_text(test.read_text().replace("Gurmukhi/character42", "Gurmukhi/character99"))
    with pytest.raises(DataError, match="do not match the drawings"):
        load_dataset("omniglot", root=str(tmp_path), size=8)

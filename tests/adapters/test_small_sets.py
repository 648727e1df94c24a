"""Data sets that come with packages: scikit-learn's digits, the Japanese glyphs."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError, LabelError
from unbraid.core.interfaces import Dataset

KANJI = "unbraid.adapters.datasets.glyphs_kanji"
#: Of the file as it was rendered.
SHA256 = "eb9fc46ea795ca5850c646c02a71bf226c38796009b4dea4f1b8f840ed9368ca"


@pytest.fixture(scope="module")
def kanji() -> Dataset:
    return load_dataset("glyphs-kanji")


def test_digits_are_those_uci_counts() -> None:
    """Class counts of optdigits.tes, as its description lists them."""
    data = load_dataset("digits")
    assert np.bincount(data.labels["content"]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    pictures = data.images[np.arange(len(data))]
    assert pictures.shape == (1797, 1, 8, 8) and pictures.dtype == np.uint8
    assert len(np.unique(pictures)) == 17 and pictures.max() == 255
    assert data.style is None and {k: len(v) for k, v in data.splits["content"].items()} == {
        "train": 7,
        "validation": 1,
        "test": 2,
    }


def test_digits_pictures_belong_to_labels() -> None:
    data = load_dataset("digits", size=16)
    flat, labels = data.images[np.arange(1797)].reshape(1797, -1).astype(float), data.labels["content"]
    assert KNeighborsClassifier(3).fit(flat[:1200], labels[:1200]).score(flat[1200:], labels[1200:]) > 0.93


@pytest.mark.parametrize("name", ["digits", "glyphs-kanji"])
def test_sizes_that_make_no_sense(name: str) -> None:
    with pytest.raises(ConfigError, match="size"):
        load_dataset(name, size=7)


def test_all_digits_may_be_for_training() -> None:
    data = load_dataset("digits", content_split={"shares": [1, 0, 0]})
    assert len(data.rows(content="train")) == 1797
    with pytest.raises(LabelError, match="did you mean '1'"):
        load_dataset("digits", content_split={"classes": {"train": [*"023456789", "11"]}})


def test_the_kanji_file_is_the_one_that_was_rendered(kanji: Dataset) -> None:
    stored = files(KANJI).joinpath("data", "kanji_fonts_32.npz").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == SHA256
    with np.load(Path(str(files(KANJI).joinpath("data", "kanji_fonts_32.npz")))) as arrays:
        np.testing.assert_array_equal(kanji.images[np.array([20 * 7 + 3])][0, 0], arrays["images"][7, 3])


def test_every_character_in_every_typeface(kanji: Dataset) -> None:
    assert kanji.images.shape == (12_000, 1, 32, 32) and kanji.style is not None
    assert (kanji.content.count, kanji.style.count) == (600, 20)
    kana = [name for name in kanji.content.classes if "぀" <= name <= "ヿ"]
    assert len(kana) == 138
    pairs = set(zip(kanji.labels["content"], kanji.labels["style"], strict=True))
    assert len(pairs) == 12_000
    counts = {role: [len(kanji.splits[role][s]) for s in ("train", "validation", "test")] for role in kanji.splits}
    assert counts == {"content": [420, 60, 120], "style": [14, 2, 4]}


def test_a_character_is_itself_in_another_typeface(kanji: Dataset) -> None:
    """一 is wide and flat, 川 is not; 20-way one-shot on pixels across typefaces is far above chance."""
    names = kanji.content.classes
    for name, wider in (("一", True), ("川", False)):
        ink = kanji.images[names.index(name) * 20 + np.arange(20)][:, 0] > 64
        heights, widths = ink.any(2).sum(1), ink.any(1).sum(1)
        assert ((widths > 2 * heights) == wider).all()
    flat: Any = kanji.images[np.arange(12_000)].reshape(600, 20, -1).astype(float)
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(300):
        chosen, (a, b) = rng.choice(600, 20, replace=False), rng.choice(20, 2, replace=False)
        nearest = ((flat[chosen[0], b] - flat[chosen, a]) ** 2).sum(1).argmin()
        hits.append(nearest == 0)
    assert 0.35 < np.mean(hits) < 0.65  # measured beforehand: 47 to 51 %


def test_the_licence_of_every_typeface_is_listed(kanji: Dataset) -> None:
    text = files(KANJI).joinpath("LICENCES.md").read_text(encoding="utf-8")
    meta = json.loads(files(KANJI).joinpath("data", "kanji_fonts_meta.json").read_text(encoding="utf-8"))
    assert kanji.style is not None and [font["name"] for font in meta["fonts"]] == list(kanji.style.classes)
    for font in meta["fonts"]:
        assert f"| {font['name']} | `{font['package']}` | `{font['file']}` | {font['licence']} |" in text

"""The embedded glyphs: what they hold, how they are split, and what their README says of the split."""

import hashlib
import unicodedata
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Dataset

PACKAGE = "unbraid.adapters.datasets.glyphs"
#: Of the file as it was rendered.
SHA256 = "916f4e3862ea821f97e87da9cb3312fa9011f7b0d044d9d0c0973b8b13f62e37"


@pytest.fixture(scope="module")
def glyphs() -> Dataset:
    return load_dataset("glyphs")


def test_the_file_is_the_one_that_was_rendered() -> None:
    stored = files(PACKAGE).joinpath("data", "latin_fonts_28.npz").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == SHA256


def test_every_character_in_every_typeface(glyphs: Dataset) -> None:
    assert glyphs.images.shape == (134 * 34, 1, 28, 28)
    assert (glyphs.content.name, glyphs.content.count) == ("character", 134)
    assert glyphs.style is not None and (glyphs.style.name, glyphs.style.count) == ("typeface", 34)
    assert len(set(zip(glyphs.labels["content"], glyphs.labels["style"], strict=True))) == len(glyphs)


def test_labels_belong_to_pictures(glyphs: Dataset) -> None:
    """An l is narrower than an M in every typeface, and a poster face has more ink than a pen."""
    ink = glyphs.images[np.arange(len(glyphs))][:, 0].astype(float).reshape(134, 34, 28, 28)
    names = glyphs.content.classes
    widths = {name: (ink[names.index(name)].max(1) > 64).sum(1) for name in "Ml"}
    assert (widths["l"] < widths["M"]).all()
    bold, light = glyphs.style.classes.index("Anton"), glyphs.style.classes.index("Zeyada")  # type: ignore[union-attr]
    assert ink[:, bold].mean() > 2 * ink[:, light].mean()


def test_sizes_of_the_splits_and_a_few_members(glyphs: Dataset) -> None:
    counts = {role: [len(glyphs.splits[role][s]) for s in ("train", "validation", "test")] for role in glyphs.splits}
    assert counts == {"content": [90, 14, 30], "style": [24, 3, 7]}
    validation = {glyphs.style.classes[i] for i in glyphs.splits["style"]["validation"]}  # type: ignore[union-attr]
    assert validation == {"Lora", "Merriweather", "Roboto"}
    assert len(glyphs.rows(content="test", style="test")) == 30 * 7


def test_twins(glyphs: Dataset) -> None:
    """The README names the test characters whose base letter is in training, so that nobody has to find out."""
    names = glyphs.content.classes
    train = {_base(names[i]) for i in glyphs.splits["content"]["train"]}
    test = [names[i] for i in glyphs.splits["content"]["test"]]
    same = [name for name in test if _base(name) in train]
    but_for_case = [n for n in test if n not in same and _base(n).casefold() in {t.casefold() for t in train}]
    rest = [name for name in test if name not in same and name not in but_for_case]
    readme = Path(str(files(PACKAGE).joinpath("README.md"))).read_text(encoding="utf-8")
    text = " ".join(readme.split())
    assert f"{len(same)} ({' '.join(same)})" in text
    assert f"{len(but_for_case)} more ({' '.join(but_for_case)})" in text
    assert f"`{' '.join(rest)}` have no twin" in text


def test_clashes(glyphs: Dataset) -> None:
    """Exactly the pairs the README names are the same picture twice."""
    pictures = glyphs.images[np.arange(len(glyphs))].reshape(134, 34, -1)
    found = set()
    for style in range(34):
        _, group, counts = np.unique(pictures[:, style], axis=0, return_inverse=True, return_counts=True)
        for each in np.flatnonzero(counts > 1):
            found.add("".join(glyphs.content.classes[i] for i in np.flatnonzero(group == each)))
    assert found == {"Óó", "Òò", "Õõ", "Ôô", "Öö", "Bß"}


def test_another_size_is_bilinear_and_keeps_labels(glyphs: Dataset) -> None:
    large = load_dataset("glyphs", size=56)
    assert large.images.shape == (len(glyphs), 1, 56, 56)
    rows = np.arange(0, len(glyphs), 97)
    # the mean of each 2 x 2 block of a bilinear enlargement by two stays close to the pixel it came from
    blocks = large.images[rows].reshape(len(rows), 1, 28, 2, 28, 2).astype(float).mean((3, 5))
    assert np.abs(blocks - glyphs.images[rows]).mean() < 8
    assert large.splits == glyphs.splits and large.fingerprint != glyphs.fingerprint
    with pytest.raises(ConfigError, match="size"):
        load_dataset("glyphs", size=4)


def test_the_licence_of_every_typeface_is_listed(glyphs: Dataset) -> None:
    text = files(PACKAGE).joinpath("LICENCES.md").read_text(encoding="utf-8")
    assert glyphs.style is not None
    for name in glyphs.style.classes:
        assert any(f"| {name} |" in line and ("OFL-1.1" in line or "Apache-2.0" in line) for line in text.splitlines())


def _base(character: str) -> str:
    return unicodedata.normalize("NFKD", character)[0]

"""Variable glyphs: ink grows with weight, letters with width, and nothing is cut off."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Dataset


@pytest.fixture(scope="module")
def glyphs() -> Dataset:
    pytest.importorskip("fontpkg_inconsolata", reason="fontpkg-inconsolata is not installed (extra: fonts)")
    return load_dataset("glyphs-variable")


@pytest.fixture(scope="module")
def grid(glyphs: Dataset) -> Any:
    return glyphs.images[np.arange(len(glyphs))].reshape(62, 7, 7, 28, 28).astype(float)


def test_every_combination_once(glyphs: Dataset) -> None:
    assert glyphs.images.shape == (62 * 7 * 7, 1, 28, 28) and glyphs.style is not None
    assert glyphs.style.name == "weight" and glyphs.style.classes[0] == "200" and glyphs.style.classes[-1] == "900"
    assert len(np.unique(np.stack(list(glyphs.factors.values())), axis=1).T) == len(glyphs)
    np.testing.assert_array_equal(glyphs.labels["style"], glyphs.factors["weight"])


def test_weight_is_ink(grid: Any) -> None:
    assert (np.diff(grid.sum((3, 4)).mean(0), axis=0) > 0).all()  # at every width, on average over characters
    assert (grid[:, -1].sum((2, 3)) > 1.3 * grid[:, 0].sum((2, 3))).all()  # and end to end for each


def test_width_is_width(grid: Any) -> None:
    widths = (grid.max(3) > 0).sum(3)
    assert (np.diff(widths.mean(0), axis=1) > 0).all()
    assert (widths[..., -1] > widths[..., 0]).all()


def test_nothing_is_cut_off_and_everything_is_in_the_middle(grid: Any) -> None:
    border = np.concatenate([grid[..., 0, :], grid[..., -1, :], grid[..., :, 0], grid[..., :, -1]], axis=-1)
    assert border.max() == 0
    for axis in (3, 4):
        inked = grid.max(axis) > 0
        first, last = inked.argmax(-1), 27 - inked[..., ::-1].argmax(-1)
        assert abs((first + last) / 2 - 13.5).max() <= 1


def test_another_style_and_size() -> None:
    pytest.importorskip("fontpkg_inconsolata")
    data = load_dataset("glyphs-variable", style="width", weights=1, widths=3, size=32)
    assert data.images.shape == (62 * 3, 1, 32, 32)
    assert data.style is not None and data.style.classes == ("50", "125", "200")


def test_the_other_axis_as_an_attribute(glyphs: Dataset) -> None:
    data = load_dataset("glyphs-variable", attributes=["width"])
    assert data.attributes["width"].classes == ("50", "75", "100", "125", "150", "175", "200")
    np.testing.assert_array_equal(data.labels["width"], data.factors["width"])
    assert not glyphs.attributes and data.fingerprint != glyphs.fingerprint


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": 1},
        {"widths": 0},
        {"style": "width", "widths": 1},
        {"size": 5},
        {"attributes": ["weight"]},
        {"attributes": ["width"], "widths": 1},
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    pytest.importorskip("fontpkg_inconsolata")
    with pytest.raises(ConfigError, match="glyphs-variable"):
        load_dataset("glyphs-variable", **settings)


def test_without_the_font_package_the_error_says_what_to_install() -> None:
    code = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "fontpkg_inconsolata" else find(name, *rest)
from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import MissingDependencyError
try:
    load_dataset("glyphs-variable")
except MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert "pip install fontpkg_inconsolata" in done.stdout

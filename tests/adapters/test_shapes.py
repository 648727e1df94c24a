"""Drawn shapes: areas and symmetries are those of geometry, factors those of the picture."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from unbraid.adapters.datasets.shapes.config import SHAPES
from unbraid.adapters.datasets.shapes.drawing import draw
from unbraid.adapters.datasets.shapes.outlines import CORNERS
from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Dataset

#: Of everything below, on any machine.
FINGERPRINT = "sha256:dc909baea229905f8879507c2acc802c04852f5cf9963ac89a83844f777dc0e4"


def area(shape: str) -> float:
    """Analytic, for a shape in the unit circle."""
    if shape in CORNERS:
        x, y = np.array(CORNERS[shape]).T
        return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)  # the shoelace formula
    return {"ellipse": np.pi / 2, "half-disc": np.pi / 2, "heart": 1 + np.pi / 4}[shape]


@pytest.fixture(scope="module")
def shapes() -> Dataset:
    return load_dataset("shapes")


@pytest.fixture(scope="module")
def pictures(shapes: Dataset) -> Any:
    return shapes.images[np.arange(len(shapes))][:, 0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("degrees", [0.0, 33.0, 90.0, 217.0])
def test_areas(shape: str, degrees: float) -> None:
    radius = 30.0
    drawn = draw(shape, radius=radius, degrees=degrees, box=64)
    assert drawn.sum() / 255 == pytest.approx(area(shape) * radius**2, rel=0.005)


@pytest.mark.parametrize(
    ("shape", "degrees"), [("square", 90), ("cross", 90), ("rectangle", 180), ("ellipse", 180), ("triangle", 120)]
)
def test_symmetries(shape: str, degrees: int) -> None:
    """A shape comes back after its own turn, pixel for pixel but for rounding at edges, and not before."""
    first, again, half = (
        draw(shape, radius=20, degrees=5 + turn, box=48).astype(int) for turn in (0, degrees, degrees / 2)
    )
    assert abs(first - again).max() <= 4 and abs(first - half).max() > 100


@pytest.mark.parametrize("shape", SHAPES)
def test_a_quarter_turn_is_numpys(shape: str) -> None:
    upright, turned = (draw(shape, radius=20, degrees=degrees, box=48) for degrees in (0, 90))
    assert abs(np.rot90(upright).astype(int) - turned).max() <= 4 * 255 / 64 * 2  # a line of points may fall on an edge


def test_mirror_images() -> None:
    for shape in ("square", "ellipse", "heart", "triangle", "T", "arrow", "half-disc"):
        drawn = draw(shape, radius=20, degrees=0, box=48).astype(int)
        assert abs(drawn - drawn[:, ::-1]).max() <= 4 * 255 / 64 * 2
    drawn = draw("L", radius=20, degrees=0, box=48).astype(int)
    assert abs(drawn - drawn[:, ::-1]).max() > 100


def test_every_combination_once_and_no_two_alike(shapes: Dataset, pictures: Any) -> None:
    assert pictures.shape == (4000, 64, 64) and set(shapes.factors) == {"shape", "scale", "angle", "y", "x"}
    combinations = np.stack(list(shapes.factors.values()), axis=1)
    assert len(np.unique(combinations, axis=0)) == 4000
    assert len(np.unique(pictures.reshape(4000, -1), axis=0)) == 4000
    np.testing.assert_array_equal(shapes.labels["content"], shapes.factors["shape"])
    np.testing.assert_array_equal(shapes.labels["style"], shapes.factors["angle"])


def test_position_scale_and_shape_are_what_the_factors_say(shapes: Dataset, pictures: Any) -> None:
    """Nothing is cut off, steps move the picture by whole pixels, and area goes with the square of the scale."""
    mass = pictures.sum((1, 2)).astype(float)
    factors = shapes.factors
    for index, shape in enumerate(shapes.content.classes):
        for scale, share in enumerate(np.linspace(0.5, 1, 4)):
            chosen = (factors["shape"] == index) & (factors["scale"] == scale)
            radius = 0.2 * 64 * share
            # points lie 1/8 pixel apart, so an edge is off by 1/16 at most, and no outline is longer than 8 radii
            np.testing.assert_allclose(mass[chosen] / 255, area(shape) * radius**2, atol=8 * radius / 16)
    columns = (pictures.sum(1) * (np.arange(64) + 0.5)).sum(1) / mass
    rows = (pictures.sum(2) * (np.arange(64) + 0.5)).sum(1) / mass
    for place, centre in (("x", columns), ("y", rows)):
        middle = [np.median(centre[factors[place] == value]) for value in range(5)]
        np.testing.assert_allclose(np.diff(middle), 9.5, atol=0.51)  # 38 free pixels in 4 steps


def test_one_position_is_the_middle() -> None:
    data = load_dataset("shapes", shapes=["square"], xs=1, ys=1, scales=1, style="angle", size=63)
    picture = data.images[np.array([0])][0, 0].astype(int)
    assert abs(np.argwhere(picture > 0).mean(0) - 31).max() <= 0.5


def test_another_style_changes_labels_and_nothing_else(shapes: Dataset) -> None:
    by_x = load_dataset("shapes", style="x")
    assert by_x.style is not None and by_x.style.count == 5 and by_x.style.name == "x"
    np.testing.assert_array_equal(by_x.labels["style"], by_x.factors["x"])
    rows = np.arange(0, 4000, 37)
    np.testing.assert_array_equal(by_x.images[rows], shapes.images[rows])


def test_the_same_bytes_everywhere(shapes: Dataset) -> None:
    assert shapes.fingerprint == FINGERPRINT
    code = "from unbraid.core.catalogue import load_dataset; print(load_dataset('shapes').fingerprint)"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert again.stdout.strip() == FINGERPRINT


def test_rows_in_any_order_and_none(shapes: Dataset, pictures: Any) -> None:
    rows = np.array([3999, 0, 17, 17])
    np.testing.assert_array_equal(shapes.images[rows][:, 0], pictures[rows])
    assert shapes.images[np.array([], dtype=np.int64)].shape == (0, 1, 64, 64)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shapes": ["sqare"]}, "did you mean 'square'"),
        ({"shapes": []}, "at least one"),
        ({"shapes": ["T", "T"]}, "each once"),
        ({"angles": 1}, "'angle' has a single value"),
        ({"xs": 1, "style": "x"}, "'x' has a single value"),
        ({"style": "colour"}, "'scale' or 'angle'"),
        ({"scales": 0}, "out of range"),
        ({"turn": 400.0}, "out of range"),
        ({"xs": 60}, "more places than pixels"),
        ({"size": 4}, "size is out of range"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset("shapes", **settings)


def test_attributes_are_labelled_and_change_nothing_else(shapes: Dataset) -> None:
    data = load_dataset("shapes", attributes=["scale", "x"])
    assert {name: (spec.name, spec.count) for name, spec in data.attributes.items()} == {
        "scale": ("scale", 4),
        "x": ("x", 5),
    }
    for name in ("scale", "x"):
        np.testing.assert_array_equal(data.labels[name], data.factors[name])
    assert data.splits.keys() == {"content", "style"}
    np.testing.assert_array_equal(data.training_rows(), shapes.training_rows())
    assert data.fingerprint != shapes.fingerprint and not shapes.attributes


def test_names_of_attributes_are_those_of_the_picture() -> None:
    """The middle of a square drawn upright is where its class says."""
    data = load_dataset("shapes", shapes=["square"], angles=2, attributes=["x", "y"])
    rows = np.flatnonzero(data.labels["style"] == 0)[::7]
    seen = data.images[rows][:, 0].astype(float)
    for name, axis in (("x", 1), ("y", 2)):
        profile = seen.sum(axis)
        middle = (profile * (np.arange(64) + 0.5)).sum(1) / profile.sum(1)
        named = np.array([float(data.attributes[name].classes[label]) for label in data.labels[name][rows]])
        np.testing.assert_allclose(middle, named, atol=0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attributes": ["angle"]}, "labelled twice"),
        ({"attributes": ["x", "x"]}, "labelled twice"),
        ({"attributes": ["scale"], "scales": 1}, "attribute 'scale' has a single value"),
        ({"attributes": ["shape"]}, "'scale' or 'angle'"),
    ],
)
def test_attributes_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset("shapes", **settings)

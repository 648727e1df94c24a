"""Attributes colour maps, and where they are missing nothing else goes missing with them."""

from dataclasses import replace

import numpy as np
import pytest

import unbraid
from unbraid.core.report.interpolation import interpolation_picture
from unbraid.core.report.maps import factor_maps
from unbraid.core.report.pictures import least_seen


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def sparse(glyphs):
    """One row in five has the attribute, and all of those the same class but one."""
    serif = np.where(np.arange(len(glyphs)) % 5 == 0, 0, -1)
    serif[0] = 1
    spec = unbraid.LabelSpec("serif", ("no", "yes"))
    return replace(glyphs, attributes={"serif": spec}, labels={**glyphs.labels, "serif": serif})


@pytest.fixture(scope="module")
def model():
    return unbraid.attach("fden", unbraid.load_backbone("vae", weights="builtin:glyphs"))


def test_the_same_rows_are_shown_with_and_without_an_attribute(glyphs, sparse):
    for one, two in zip(least_seen(glyphs), least_seen(sparse), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_same_pictures_are_interpolated(model, glyphs, sparse):
    one, two = (interpolation_picture(model, data, steps=2) for data in (glyphs, sparse))
    assert one.png == two.png


def test_maps_are_coloured_by_attributes_and_grey_where_those_are_missing(model, sparse):
    maps, shown = factor_maps(model, sparse)
    cloud = maps[0].clouds[2]
    assert cloud.title == "coloured by serif" and "contents never seen" in shown
    sizes = sorted(len(points) for _, points in cloud.groups)
    assert len(sizes) == 2 and sizes[1] == pytest.approx(0.8 * sum(sizes), rel=0.1)

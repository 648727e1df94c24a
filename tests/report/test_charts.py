"""Curves and clouds lie where their numbers say."""

import json

import numpy as np
import pytest

from unbraid.core.evaluation import RAW, Figure
from unbraid.core.report.charts import COLOURS, GREY, HEIGHT, MOST, SIDE, WIDTH, cloud, curve, read_curves
from unbraid.core.report.profiles import FILLED, profiles


def points(text):
    return [tuple(map(float, pair.split(","))) for pair in text.split()]


def test_a_curve_spans_its_area_and_keeps_proportions():
    drawn = curve("loss", [(10, 4.0), (20, 0.0), (50, 3.0)])
    assert points(drawn.points) == [(0, 0), (WIDTH / 4, HEIGHT), (WIDTH, HEIGHT / 4)]
    assert (drawn.low, drawn.high, drawn.first, drawn.last, drawn.final) == ("0", "4", 10, 50, "3")


def test_a_flat_curve_and_a_single_point_can_be_drawn():
    assert points(curve("loss", [(5, 2.0)]).points) == [(0, HEIGHT)]
    assert {y for _, y in points(curve("loss", [(0, 2.0), (9, 2.0)]).points)} == {HEIGHT}


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    drawn = curve("loss", [(step, float(step)) for step in range(10_000)])
    found = points(drawn.points)
    assert len(found) == MOST and found[0] == (0, HEIGHT) and found[-1] == (WIDTH, 0)
    assert all(abs(x / WIDTH + y / HEIGHT - 1) < 2e-3 for x, y in found)


def test_curves_are_read_as_training_wrote_them(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [{"step": 1, "a.loss": 2.0}, {"step": 2, "a.loss": None}, {"step": 2, "validation.few_shot": 0.5}]
    path.write_text("\n".join([*map(json.dumps, lines), '{"step": 3, "a.loss": NaN}', '{"step": 4, "a.l']))
    found = read_curves(path)
    assert [(c.name, c.first, c.last, c.final) for c in found] == [
        ("validation.few_shot", 2, 2, "0.5"),
        ("a.loss", 1, 1, "2"),
    ]
    assert read_curves(tmp_path / "nothing.jsonl") == []


def test_a_cloud_holds_every_point_once_inside_its_square_grey_ones_below():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 12, 200)
    drawn = cloud("a", rng.normal(size=(200, 2)) * 50, classes, list(range(10)))
    assert drawn.groups[0][0] == GREY and {c for c, _ in drawn.groups[1:]} == set(COLOURS)
    assert sum(len(found) for _, found in drawn.groups) == 200
    assert len(drawn.groups[0][1]) == (classes >= 10).sum()
    xs = np.array([point for _, found in drawn.groups for point in found])
    assert xs.min() == pytest.approx(5, abs=0.1) and xs.max() == pytest.approx(SIDE - 5, abs=0.1)


def test_bars_stand_on_the_axis_as_high_as_their_numbers():
    figure = Figure(
        name="ratio/hand/unseen",
        value=0.5,
        summary="",
        chance=1.0,
        baselines={RAW: 0.25},
        unit="ratio",
        factor="hand",
        protocol={"per_number": [0.5, None, 2.0, 0.0]},
    )
    (drawn,) = profiles([figure, Figure(name="other", value=1.0, summary="")])
    assert drawn.title == "hand, unseen: 4 numbers" and drawn.high == "2.000"
    assert [height for *_, height in drawn.bars] == [HEIGHT / 4, 0, HEIGHT, 0]
    assert all(y + height == HEIGHT and width == FILLED * WIDTH / 4 for _, y, width, height in drawn.bars)
    assert drawn.lines == {"chance": HEIGHT / 2, RAW: HEIGHT * 7 / 8}

"""The verdicts of the benchmark, and that it knows every method."""

from pathlib import Path

import numpy as np
import pytest

from unbraid.registry import get_registry

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def rows():
    """The benchmark, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        import methods_on_glyphs

        yield methods_on_glyphs


@pytest.mark.parametrize(
    ("interval", "higher", "beaten"),
    [
        ((0.01, 0.2), True, "yes"),
        ((-0.01, 0.2), True, "not told apart"),
        ((-0.2, -0.01), True, "worse"),
        ((-0.2, -0.01), False, "yes"),
        ((0.01, 0.2), False, "worse"),
    ],
)
def test_a_baseline_is_beaten_where_the_interval_says_so(rows, interval, higher, beaten):
    assert beaten in rows.Verdict(0.5, 0.4, interval, higher).beaten


def test_differences_are_paired(rows):
    """Two seeds that fail on the same pictures: the spread of hits is not that of their difference."""
    rng = np.random.default_rng(0)
    hard = (rng.random(400) < 0.5).astype(float)
    better = np.maximum(hard, (np.arange(400) % 10 == 0).astype(float))
    verdict = rows.of_pictures([better, better], [hard])
    gain = (better - hard).mean()
    assert verdict.value - verdict.baseline == pytest.approx(gain)
    spread = 1.96 * (better - hard).std(ddof=1) / 20
    assert verdict.interval == pytest.approx((gain - spread, gain + spread), rel=1e-2)
    assert verdict.beaten == "yes"


def test_fewer_episodes_are_the_first(rows):
    classes = np.array([np.random.default_rng(i).choice(20, 5, replace=False) for i in range(300)])
    raw = np.linspace(0, 1, 300)
    verdict = rows.of_episodes([raw[:200] + 0.1], [raw], classes)
    assert verdict.value - verdict.baseline == pytest.approx(0.1)
    assert verdict.baseline == pytest.approx(raw[:200].mean())


def test_every_built_in_method_has_a_row(rows):
    built_in = {name for name, entry in get_registry().disentanglers().items() if entry.built_in}
    assert {*rows.CLAIMS, "jade"} == built_in
    recipe = rows.load_comparison(rows.RECIPE)
    assert set(recipe.recipes) == {*rows.CLAIMS, rows.RAW} - {"slice"}  # which cuts what another has split

"""The scores of single numbers on the data set `shapes`, with planted codes and end to end, and their intervals."""

import numpy as np
import pytest
import torch

import unbraid
from unbraid.core.evaluation import RANDOM, RAW, Evidence, Population
from unbraid.core.interfaces import Posterior
from unbraid.plugins.metrics.scalar import ScalarConfig, scalar
from unbraid.plugins.metrics.scalar_names import DEFAULT
from unbraid.plugins.metrics.scalar_task import Task, scored

NAMES = {f"scalar/{name}" for name in DEFAULT if name != "dci_linear"} | {
    f"scalar/dci_linear/{part}" for part in ("disentanglement", "completeness", "informativeness")
}


@pytest.fixture(scope="module")
def shapes():
    return unbraid.load_dataset("shapes")


@pytest.fixture(scope="module")
def factors(shapes):
    """The five known factors of all pictures, in units of their deviation."""
    values = np.stack(list(shapes.factors.values()), 1).astype(np.float64)
    return (values - values.mean(0)) / values.std(0)


def figures(shapes, codes, **settings):
    codes = codes.astype(np.float32)
    noise = np.random.default_rng(1).normal(size=codes.shape).astype(np.float32)
    population = Population(
        name="train",
        rows=np.arange(len(codes)),
        z=noise,
        labels=dict(shapes.labels),
        factors={"what": codes[:, :1], "how": codes[:, 1:]},
        random_factors={"what": noise[:, :1], "how": noise[:, 1:]},
        known=dict(shapes.factors),
    )
    evidence = Evidence(populations={"train": population}, roles={"what": "content", "how": "style"})
    return {f.name: f for f in scalar(evidence, ScalarConfig(**settings))}


def rotated(factors, seed=0):
    return factors @ np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]


def test_the_factors_of_shapes_themselves_are_perfect_and_a_rotation_of_them_is_not(shapes, factors):
    settings = {"points": 600, "halves": 0, "samples": 2000}
    noise = 0.01 * np.random.default_rng(0).normal(size=factors.shape)
    perfect, mixed = figures(shapes, factors + noise, **settings), figures(shapes, rotated(factors), **settings)
    assert set(perfect) == set(mixed) == NAMES
    # no line tells the middle values of a factor from the rest: linear DCI of a perfect code is not 1
    least = {"dci_linear/disentanglement": 0.9}
    for name in ("beta_vae", "factor_vae", "mig", "modularity", "irs", "dci_linear/disentanglement"):
        figure = perfect[f"scalar/{name}"]
        assert figure.value > least.get(name, 0.97), name
        assert figure.baselines[RAW] < 0.9 and figure.baselines[RANDOM] < 0.9, name
    # whether factors are there is another question than where they are
    assert mixed["scalar/dci_linear/informativeness"].value > 0.8 * perfect["scalar/dci_linear/informativeness"].value
    assert mixed["scalar/explicitness"].value > 0.8 * perfect["scalar/explicitness"].value
    for name, most in (("factor_vae", 0.9), ("mig", 0.15), ("modularity", 0.9), ("irs", 0.7), ("sap", 0.1)):
        assert mixed[f"scalar/{name}"].value < most, name
        assert mixed[f"scalar/{name}"].value < perfect[f"scalar/{name}"].value
    assert perfect["scalar/mig"].protocol["known_factors"] == {"shape": 10, "scale": 4, "angle": 4, "y": 5, "x": 5}


@pytest.mark.slow
def test_half_sampling_gives_the_deviation_of_fresh_samples(shapes, factors):
    """MIG and IRS of 300 pictures: intervals hold the mean over draws of 300 in about 95 of 100 draws."""
    known = np.stack(list(shapes.factors.values()), 1)
    codes = factors + 0.7 * np.random.default_rng(0).normal(size=factors.shape)
    for name in ("mig", "irs"):
        found = []
        for draw in range(200):
            rows = np.random.default_rng(draw).permutation(len(codes))[:300]
            found.append(scored(name, Task.of(draw, known[rows], points=30), codes[rows], halves=10))
        truth = np.mean([each.values[""] for each in found])
        held = np.mean([low <= truth <= high for low, high in (each.intervals[""] for each in found)])
        assert 0.90 <= held <= 0.995, (name, held)


def test_every_score_has_an_interval_over_samples_that_says_so(shapes, factors):
    settings = {"points": 60, "halves": 2, "samples": 200}
    found = figures(shapes, rotated(factors), **settings)
    for figure in found.values():
        low, high = figure.interval
        assert 0 <= low <= figure.value <= high <= 1, figure.name
        assert set(figure.baseline_intervals) == {RAW, RANDOM}
        assert "2 random halves" in figure.protocol["interval"] and "not heads" in figure.protocol["interval"]
    again = figures(shapes, rotated(factors), **settings, scores=("beta_vae", "mig", "dci_linear"))
    assert all(figure == found[name] for name, figure in again.items())
    without = figures(shapes, factors, points=60, halves=0, samples=300, scores=("mig",))
    assert without["scalar/mig"].interval is None and "none" in without["scalar/mig"].protocol["interval"]


def test_a_factor_alone_in_its_value_is_fitted_on_and_never_tested(factors):
    known = np.stack([np.arange(60) % 5, np.minimum(np.arange(60), 40)], 1)
    task = Task.of(0, known, points=30)
    assert not set(task.test) & set(range(40))  # values 0 .. 39 have one sample each
    assert sorted([*task.train, *task.test]) == list(range(60))


class Rows(torch.nn.Module):
    """Sums over four rows or columns of a picture, 32 numbers: a cheap encoder that knows position and size."""

    def forward(self, x):
        return Posterior(torch.cat([x.sum(axes).unflatten(1, (16, 4)).sum(2) for axes in ((1, 2), (1, 3))], 1))


def test_shapes_end_to_end_without_a_decoder(shapes):
    backbone = unbraid.freeze(Rows(), input=(1, 64, 64))
    model = unbraid.attach("prototype", backbone, network="linear", width=4)
    model.fit(shapes, steps=20, quiet=True)
    metrics = {"scalar": {"points": 60, "samples": 200, "halves": 2}}
    found = model.evaluate(shapes, metrics=metrics)
    assert not found.failures
    assert {figure.name for figure in found.figures} == NAMES
    assert all(figure.value is not None and figure.interval is not None for figure in found.figures)
    figure = found.figure("scalar/beta_vae")
    assert figure.protocol["codes_raw"] == 32 and figure.chance == pytest.approx(1 / 5)
    # sums over rows and columns tell the position: pairs that share it differ less
    assert figure.baselines[RAW] > 0.3

"""The scores of single numbers on codes whose score is known, and against another library."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation import Evidence, Population
from unbraid.core.evaluation.scalar import (
    beta_vae,
    dci_gbt,
    dci_linear,
    explicitness,
    factor_vae,
    irs,
    mig,
    modularity,
    sap,
)
from unbraid.core.evaluation.scalar.fixing import Fixing
from unbraid.core.evaluation.scalar.information import discretise, information
from unbraid.plugins.metrics.scalar import ScalarConfig, scalar

GRID = np.indices((3, 4, 2)).reshape(3, -1).T
FACTORS = np.tile(GRID, (25, 1))
ROWS = np.random.default_rng(0).permutation(len(FACTORS))
SPLIT = {"train": ROWS[:400], "test": ROWS[400:]}
PERFECT = FACTORS + np.random.default_rng(1).uniform(-0.01, 0.01, size=FACTORS.shape)
NOISE = np.random.default_rng(2).normal(size=(len(FACTORS), 5))
#: Every factor in every code: a rotation of the perfect one.
MIXED = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0) @ np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


def rng():
    return np.random.default_rng(4)


SCORES = {
    "beta_vae": lambda z: beta_vae(z, FACTORS, rng=rng(), train=400, test=200),
    "factor_vae": lambda z: factor_vae(z, FACTORS, rng=rng(), train=400, test=200),
    "mig": lambda z: mig(z, FACTORS),
    "sap": lambda z: sap(z, FACTORS, **SPLIT),
    "modularity": lambda z: modularity(z, FACTORS),
    "explicitness": lambda z: explicitness(z, FACTORS, **SPLIT),
    "irs": lambda z: irs(z, FACTORS),
    "dci_linear": lambda z: dci_linear(z, FACTORS, **SPLIT).disentanglement,
    "dci_linear_c": lambda z: dci_linear(z, FACTORS, **SPLIT).completeness,
    "dci_gbt": lambda z: dci_gbt(z, FACTORS, **SPLIT).disentanglement,
}


@pytest.mark.parametrize(
    ("name", "perfect", "noise"),
    [
        ("beta_vae", (0.99, 1), (0.2, 0.5)),
        ("factor_vae", (0.99, 1), (0.2, 0.55)),
        ("mig", (0.99, 1), (0, 0.03)),
        ("sap", (0.2, 1), (0, 0.08)),
        ("modularity", (0.99, 1), (0, 0.95)),  # it does not ask how much a code knows
        ("explicitness", (0.75, 1), (0.4, 0.6)),
        ("irs", (0.98, 1), (0, 0.45)),
        ("dci_linear", (0.97, 1), (0, 0.5)),
        ("dci_linear_c", (0.97, 1), (0, 0.5)),
        pytest.param("dci_gbt", (0.99, 1), (0, 0.2), marks=pytest.mark.slow),
    ],
)
def test_a_perfect_code_is_near_one_noise_near_nothing_and_a_rotation_is_seen(name, perfect, noise):
    found = SCORES[name](PERFECT)
    assert perfect[0] <= found <= perfect[1] + 1e-12
    assert noise[0] <= SCORES[name](NOISE) <= noise[1]
    if name not in ("explicitness", "beta_vae"):  # these two ask whether factors are there, not where
        assert SCORES[name](MIXED) < found


def test_explicitness_of_factors_of_two_values_is_one():
    two = FACTORS[:, [2, 2]] * [1, 0] + (FACTORS[:, [0, 0]] > 0) * [0, 1]
    assert explicitness(two + 0.01 * NOISE[:, :2], two, **SPLIT) == pytest.approx(1)


def test_mutual_information_is_that_of_scikit_learn():
    found = information(MIXED, FACTORS)
    cut = discretise(MIXED)
    reference = [[mutual_info_score(cut[:, d], FACTORS[:, k]) for k in range(3)] for d in range(3)]
    np.testing.assert_allclose(found, reference, atol=1e-12)
    assert cut.min() == 1 and cut.max() == 20


def test_closed_forms_of_codes_worked_out_by_hand():
    a, b = np.indices((2, 2)).reshape(2, -1)
    factors = np.tile(np.stack([a, b], 1), (50, 1))
    both = factors.astype(float)
    # a second copy of the first factor: no gap there, and none is needed for modularity
    assert mig(both[:, [0, 0, 1]], factors) == pytest.approx(0.5)
    assert modularity(both[:, [0, 0, 1]], factors) == pytest.approx(1)
    # a + 2 b tells both factors, each with its whole entropy
    assert modularity((both @ [1, 2])[:, None], factors) == pytest.approx(0)
    # deviations 1/2 of the wrong factor, 0 of the right one; a constant code is dropped
    assert irs(np.concatenate([both, np.ones((200, 1))], 1), factors) == pytest.approx(1)
    # given a: +-1 of largest 1.5; given b: +-0.5 of 1.5; the better one counts
    assert irs((both @ [1, 2])[:, None], factors) == pytest.approx(1 - 0.5 / 1.5)
    rows = {"train": np.arange(100), "test": np.arange(100, 200)}
    assert sap(both, factors, **rows) == pytest.approx(0.5)
    assert dci_gbt(both[:, [0, 1]], factors, **rows)[:3] == pytest.approx((1, 1, 1), abs=1e-6)


def test_partners_share_the_value_and_nothing_else_is_held():
    fixing = Fixing(FACTORS)
    rows = np.random.default_rng(0).integers(len(FACTORS), size=5000)
    partners = fixing.partners(rows, 1, rng())
    assert (FACTORS[partners, 1] == FACTORS[rows, 1]).all()
    assert abs((FACTORS[partners, 0] == FACTORS[rows, 0]).mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / 5000)


def evidence(factors, known=True):
    names = ("shape", "size", "side")
    population = Population(
        name="train",
        rows=np.arange(len(FACTORS)),
        z=MIXED.astype(np.float32),
        labels={"content": FACTORS[:, 0]},
        factors={"a": factors[:, :1].astype(np.float32), "b": factors[:, 1:].astype(np.float32)},
        random_factors={"a": NOISE[:, :1].astype(np.float32), "b": NOISE[:, 1:].astype(np.float32)},
        known={name: FACTORS[:, k] for k, name in enumerate(names)} if known else {},
    )
    return Evidence(populations={"train": population}, roles={"a": "content", "b": "style"})


def test_the_metric_scores_the_head_beside_raw_latents_and_an_untrained_head():
    config = ScalarConfig(scores=("mig", "dci_linear"), points=100)
    figures = {figure.name: figure for figure in scalar(evidence(PERFECT), config)}
    parts = [f"scalar/dci_linear/{part}" for part in ("disentanglement", "completeness", "informativeness")]
    assert list(figures) == ["scalar/mig", *parts]
    figure = figures["scalar/mig"]
    assert figure.value > 0.99
    assert 0.5 > figure.baselines["raw latents"] > figure.baselines["random head"]
    assert figure.protocol["known_factors"] == {"shape": 3, "size": 4, "side": 2}
    assert scalar(evidence(PERFECT), config) == scalar(evidence(PERFECT), config)


def test_without_known_factors_the_metric_is_not_applicable():
    with pytest.raises(ProtocolError, match="no known generative factors"):
        scalar(evidence(PERFECT, known=False))
    with pytest.raises(ConfigError, match="dci_linear"):
        ScalarConfig(scores=("dci_lineal",))


#: Reads codes and factors, and prints the scores of disent (Michlo 2021), whose functions take arrays `(d, n)`.
DISENT = """
import json, sys, types
import numpy as np
sys.path.insert(0, sys.argv[1])
# the package's own start imports its trainers, and with them much that is not installed
metrics = types.ModuleType("disent.metrics")
metrics.__path__ = [sys.argv[1] + "/disent/metrics"]
sys.modules["disent.metrics"] = metrics
from disent.metrics._dci import _compute_dci
from disent.metrics._mig import _compute_mig
from disent.metrics._sap import _compute_sap
found = []
for path in sys.argv[2:]:
    z, y, cut = (np.load(path)[name] for name in ("codes", "factors", "cut"))
    z, y = z.T, y.T
    parts = (z[:, :cut], y[:, :cut], z[:, cut:], y[:, cut:])
    np.random.seed(0)
    found.append(_compute_mig(z, y) | _compute_sap(*parts, False) | _compute_dci(*parts))
print(json.dumps([{name: float(value) for name, value in scores.items()} for scores in found]))
"""


def mixed(strength):
    """Four factors, six codes: two of noise, the others mixed with a strength."""
    draw = np.random.default_rng(0)
    factors = np.stack([draw.integers(size, size=1500) for size in (3, 6, 5, 4)], 1)
    codes = np.concatenate([(factors - factors.mean(0)) / factors.std(0), draw.normal(size=(1500, 2))], 1)
    return codes + strength * codes @ draw.normal(size=(6, 6)) + 0.1 * draw.normal(size=codes.shape), factors


@pytest.mark.slow
def test_scores_are_those_of_disent(tmp_path):
    packages = ("disent==0.8.0", "h5py", "deprecated", "wrapt")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "packages")]
    if subprocess.run([*pip, *packages], capture_output=True, timeout=300, check=False).returncode:
        pytest.skip("disent cannot be installed here: no package index")
    worlds = [mixed(strength) for strength in (0.0, 0.3, 1.0)]
    paths = [tmp_path / f"{i}.npz" for i in range(len(worlds))]
    for path, (codes, factors) in zip(paths, worlds, strict=True):
        np.savez(path, codes=codes, factors=factors, cut=1000)
    command = [sys.executable, "-W", "ignore", "-c", DISENT, str(tmp_path / "packages"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    rows = {"train": np.arange(1000), "test": np.arange(1000, 1500)}
    for (codes, factors), theirs in zip(worlds, json.loads(done.stdout), strict=True):
        assert mig(codes, factors) == pytest.approx(theirs["mig.discrete_score"], abs=1e-6)
        assert sap(codes, factors, **rows) == pytest.approx(theirs["sap.score"], abs=1e-6)
        trees = dci_gbt(codes, factors, **rows)
        assert trees.disentanglement == pytest.approx(theirs["dci.disentanglement"], abs=2e-3)
        assert trees.completeness == pytest.approx(theirs["dci.completeness"], abs=2e-3)

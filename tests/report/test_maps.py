"""Maps of factors: neighbours stay neighbours, the same seed gives the same map, and nothing is drawn of nothing."""

import dataclasses
import importlib.util

import numpy as np
import pytest

import unbraid
from unbraid.core.report.maps import MOST, factor_maps, plane


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


def take(monkeypatch, name):
    """Take one of the two implementations; skip where it is not installed."""
    if name == "openTSNE":
        pytest.importorskip("openTSNE", reason="openTSNE is not installed: pip install unbraid[tsne]")
        return
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "openTSNE" else found(name, *rest)
    )


@pytest.mark.parametrize("implementation", ["openTSNE", "scikit-learn"])
def test_clusters_stay_clusters_on_the_plane(implementation, monkeypatch):
    take(monkeypatch, implementation)
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    codes = (np.eye(16)[labels] * 8 + rng.normal(size=(90, 16))).astype(np.float32)
    found = plane(codes, seed=1)
    assert found.shape == (90, 2)
    distances = np.square(found[:, None] - found[None]).sum(-1) + np.eye(90) * 1e9
    assert (labels[distances.argmin(1)] == labels).mean() > 0.95
    np.testing.assert_array_equal(found, plane(codes, seed=1))


@pytest.mark.parametrize("implementation", ["openTSNE", "scikit-learn"])
def test_constant_dimensions_do_no_harm(implementation, monkeypatch):
    take(monkeypatch, implementation)
    codes = np.zeros((30, 4), np.float32)
    codes[:, 1] = np.arange(30)
    assert np.isfinite(plane(codes, seed=0)).all()


def test_a_model_has_a_map_of_each_factor_coloured_by_each_label(glyphs):
    model = unbraid.attach("fden", unbraid.load_backbone("vae", weights="builtin:glyphs"))
    maps, shown = factor_maps(model, glyphs)
    assert [(m.factor, m.role) for m in maps] == [("identity", "content"), ("style", "style")]
    assert "10 contents never seen in training" in shown
    drawn = {sum(len(points) for _, points in cloud.groups) for m in maps for cloud in m.clouds}
    assert len(drawn) == 1 and drawn.pop() <= MOST
    by_content, by_style = maps[0].clouds
    assert by_content.title == "coloured by content" and "others grey" in by_style.title


def test_too_few_samples_have_no_map(glyphs):
    model = unbraid.attach("prototype", unbraid.load_backbone("vae", weights="builtin:glyphs"), network="raw")
    maps, why = factor_maps(model, few(glyphs))
    assert maps == [] and "too few" in why


def few(dataset):
    rows = dataset.rows(content="test")[:5]
    labels = {role: np.full_like(column, -1) for role, column in dataset.labels.items()}
    for role, column in dataset.labels.items():
        labels[role][rows] = column[rows]
    return dataclasses.replace(dataset, labels=labels, _fingerprint=[])

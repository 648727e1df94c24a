"""The closed form against loops, scikit-learn and a mixture whose factors are known."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from unbraid import LabelError

from unbraid_pisco.closed_form import change_under_style, directions, style_directions

WIDTH = 6


@pytest.fixture(scope="module")
def rows():
    """Latents of 8 contents in 3 styles, some labels missing, some cells held twice."""
    rng = np.random.default_rng(0)
    content, style = rng.integers(-1, 8, 60), rng.integers(-1, 3, 60)
    z = rng.normal(size=(60, WIDTH)) + rng.normal(size=(9, WIDTH))[content]
    return torch.from_numpy(z - z.mean(0)), torch.from_numpy(content), torch.from_numpy(style)


def looped(z, content, style, labelled=True):
    total, pairs = np.zeros((WIDTH, WIDTH)), 0
    for i, j in itertools.permutations(range(len(z)), 2):
        if content[i] != content[j] or content[i] < 0:
            continue
        if not labelled or (style[i] != style[j] and style[i] >= 0 and style[j] >= 0):
            d = (z[i] - z[j]).numpy()
            total, pairs = total + np.outer(d, d), pairs + 1
    return total / pairs


def test_change_under_style_is_that_of_all_pairs(rows):
    np.testing.assert_allclose(change_under_style(*rows), looped(*rows), atol=1e-12)


def test_without_styles_any_two_rows_of_a_content_are_a_pair(rows):
    z, content, style = rows
    found = change_under_style(z, content, torch.full_like(style, -1))
    np.testing.assert_allclose(found, looped(z, content, style, labelled=False), atol=1e-12)


def test_the_direction_of_two_styles_is_that_of_ridge_regression(rows):
    z, _, style = rows
    two = torch.where(style == 2, -1, style)
    found = style_directions(z, two, 1, ridge=3.0)[:, 0]
    coefficients = Ridge(alpha=3.0).fit(z[two >= 0], two[two >= 0]).coef_
    unit = coefficients / np.linalg.norm(coefficients)
    assert abs(float(found.numpy() @ unit)) == pytest.approx(1, abs=1e-9)


def test_weight_0_gives_principal_components(rows):
    basis = directions(*rows, widths=(1, 3), weight=0.0, ridge=1.0)
    components = PCA(3).fit(rows[0].numpy()).components_
    np.testing.assert_allclose(np.abs(np.linalg.svd(components @ basis[:, 1:4].numpy())[1]), 1, atol=1e-9)


@pytest.mark.parametrize("labelled", [True, False])
def test_content_does_not_move_with_a_linear_style(labelled):
    """z = content A + style v, with each content in both styles: v is what changes, and nothing of it is in content."""
    rng = np.random.default_rng(1)
    content, style = (g.ravel() for g in np.meshgrid(np.arange(50), [0, 1], indexing="ij"))
    v = rng.normal(size=WIDTH)
    mixed = rng.normal(size=(50, WIDTH - 1)) @ rng.normal(size=(WIDTH - 1, WIDTH))
    z = torch.from_numpy(mixed[content] + np.outer(style, v))
    said = torch.from_numpy(style if labelled else np.full_like(style, -1))
    basis = directions(z - z.mean(0), torch.from_numpy(content), said, widths=(1, 4), weight=1e6, ridge=1e-3)
    moved = basis.T @ torch.from_numpy(v) / np.linalg.norm(v)
    assert moved[1:5].abs().max() < 1e-4 and moved[0].abs() > 0.2


def test_what_is_left_is_orthogonal_and_nothing_is_lost(rows):
    basis = directions(*rows, widths=(1, 3), weight=1.0, ridge=1.0)
    assert basis.shape == (WIDTH, WIDTH) and torch.linalg.cond(basis) < 100
    np.testing.assert_allclose(basis[:, 4:].T @ basis[:, :4], 0, atol=1e-12)
    np.testing.assert_allclose(basis.norm(dim=0), 1, atol=1e-12)


def test_refuses_what_it_cannot_learn_from(rows):
    z, content, style = rows
    with pytest.raises(LabelError, match="no such rows"):
        change_under_style(z, torch.arange(60), style)
    with pytest.raises(LabelError, match="no such rows"):
        change_under_style(z, content, torch.zeros_like(style))
    with pytest.raises(LabelError, match="4 for 3 directions"):
        style_directions(z, style, 3, ridge=1.0)

"""Scores of blocks on matrices worked out by hand, and on planted worlds."""

import numpy as np
import pytest

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation import Evidence, Population
from unbraid.core.evaluation.blocks import completeness, disentanglement, gaps, modularity
from unbraid.plugins.metrics.blocks import blocks
from unbraid.plugins.metrics.probes import ProbesConfig, probes

QUICK = ProbesConfig(seeds=1, hidden=16, epochs=10)
IDENTITY = np.array([[True, False], [False, True]])


def entropy(*shares):
    return -sum(p * np.log(p) for p in shares if p)


def test_scores_of_a_matrix_worked_out_by_hand():
    m = np.array([[0.8, 0.2], [0.3, 0.6]])
    assert modularity(m) == pytest.approx(((1 - 0.04 / 0.64) + (1 - 0.09 / 0.36)) / 2)
    rows = [1 - entropy(0.8, 0.2) / np.log(2), 1 - entropy(1 / 3, 2 / 3) / np.log(2)]
    assert disentanglement(m) == pytest.approx(rows[0] / 1.9 + rows[1] * 0.9 / 1.9)
    columns = [1 - entropy(8 / 11, 3 / 11) / np.log(2), 1 - entropy(0.25, 0.75) / np.log(2)]
    assert completeness(m) == pytest.approx(columns[0] * 1.1 / 1.9 + columns[1] * 0.8 / 1.9)
    assert gaps(m, IDENTITY).tolist() == pytest.approx([0.5, 0.4])
    assert gaps(m[::-1], IDENTITY).tolist() == pytest.approx([-0.5, -0.4])  # the wrong way round is worse than nothing


def test_a_third_block_that_travels_with_style_is_no_leak_of_style():
    m = np.array([[0.9, 0.1], [0.0, 0.7], [0.5, 0.6]])
    belongs = np.array([[True, False], [False, True], [False, True]])
    assert gaps(m, belongs).tolist() == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize("score", [modularity, disentanglement, completeness])
def test_nothing_read_is_no_success_and_even_spread_is_none(score):
    assert score(np.zeros((2, 2))) == 0
    assert score(np.full((3, 2), 0.4)) == pytest.approx(0)
    assert score(np.eye(2) * 0.3) == pytest.approx(1)


def world(factors):
    rng = np.random.default_rng(0)
    contents, styles = rng.normal(size=(2, 5, 6))
    c, s = (labels.ravel() for labels in np.meshgrid(np.repeat(np.arange(5), 12), np.arange(5), indexing="ij"))
    given = {name: code.astype(np.float32) for name, code in factors(contents[c], styles[s], rng).items()}
    population = Population(
        name="train",
        rows=np.arange(len(c)),
        z=np.concatenate([contents[c], styles[s]], 1).astype(np.float32),
        labels={"content": c, "style": s},
        factors=given,
    )
    return Evidence(populations={"train": population}, roles=dict(zip(given, ("content", "style"), strict=False)))


def test_a_perfect_head_scores_one_and_a_planted_leak_and_a_shared_code_are_seen():
    noise = lambda x, rng: x + 0.01 * rng.normal(size=x.shape)
    clean = {f.name: f for f in blocks(world(lambda c, s, r: {"a": noise(c, r), "b": noise(s, r)}), QUICK)}
    leaky = {f.name: f for f in blocks(world(lambda c, s, r: {"a": noise(c, r), "b": noise(s + c, r)}), QUICK)}
    both = {f.name: f for f in blocks(world(lambda c, s, r: {k: noise(c + s, r) for k in "ab"}), QUICK)}
    wrong = {f.name: f for f in blocks(world(lambda c, s, r: {"a": noise(s, r), "b": noise(c, r)}), QUICK)}
    assert set(clean) == {
        *(f"{score}/{label}" for score in ("selectivity", "block_mig") for label in ("content", "style")),
        "block_dci/disentanglement",
        "block_dci/completeness",
        "block_modularity",
    }
    for name, figure in clean.items():
        assert figure.value > 0.8, name
        assert figure.interval[0] <= figure.value <= figure.interval[1] + 1e-9
        assert both[name].value < 0.2, name
    assert leaky["selectivity/content"].value < 0.2 and leaky["block_mig/content"].value < 0.3
    assert leaky["selectivity/style"].value > 0.8
    assert wrong["selectivity/content"].value < -0.8 and wrong["block_dci/disentanglement"].value > 0.8


def test_blocks_use_what_probes_read_and_need_two_roles():
    evidence = world(lambda c, s, r: {"a": c, "b": s})
    figures = {f.name: f for f in probes(evidence, QUICK)}
    shared = len(evidence.shared)
    found = blocks(evidence, QUICK)
    assert len(evidence.shared) == shared == 2
    accuracy = found[0].protocol["normalised_accuracy"]
    for b, name in enumerate("ab"):
        for j, label in enumerate(("content", "style")):
            figure = figures.get(f"alignment/{name}/{label}") or figures[f"leakage/{name}/{label}"]
            assert accuracy[b][j] == pytest.approx(max(0, figure.normalised))
    with pytest.raises(ProtocolError, match="both roles"):
        blocks(world(lambda c, s, r: {"a": c}), QUICK)

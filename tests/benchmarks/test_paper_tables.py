"""The parts of the paper tables: attackers at the Bayes rate, as many labels as were asked for, the printed layout."""

import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unbraid.core.interfaces import Dataset, LabelSpec, Posterior

FOLDER = Path(__file__).parents[2] / "benchmarks" / "paper_tables"


@pytest.fixture(scope="module")
def tables():
    """The modules of the benchmark, which is no package."""
    sys.path.insert(0, str(FOLDER))
    try:
        import cycle_vae_tables
        import jade_tables
        import n_vae_tables
        import results

        yield {"cycle": cycle_vae_tables, "jade": jade_tables, "nvae": n_vae_tables, "results": results}
    finally:
        sys.path.remove(str(FOLDER))


def test_the_attacker_of_samples_reaches_the_bayes_rate_and_that_of_means_reads_all(tables):
    """Two classes at -1 and 1, seen through noise of deviation 1: no attacker is right more often than Phi(1).

    Beside them numbers at their prior, whose means hardly move: scaled by those they would drown the one that speaks.
    """

    def digits(n, seed):
        labels = torch.randint(2, (n,), generator=torch.Generator().manual_seed(seed))
        means = torch.cat([2.0 * labels[:, None] - 1, 0.01 * torch.randn(n, 12)], 1)
        return Posterior(means, torch.zeros(n, 13)), labels

    (train, labels), (test, truth) = digits(4_000, 0), digits(4_000, 1)
    bayes = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    sampled = tables["cycle"].attacked(train, labels, test, truth, epochs=3, seed=0)
    assert sampled == pytest.approx(bayes, abs=0.03)  # a deviation of 0.006, and what 13 numbers cost
    points = [Posterior(each.mean) for each in (train, test)]
    assert tables["cycle"].attacked(points[0], labels, points[1], truth, epochs=3, seed=0) == 1.0


def grey(n, classes):
    """Pictures whose only pixel is their row."""
    labels = np.arange(n, dtype=np.int64) % classes
    return Dataset(
        name="grey",
        images=(np.arange(n) % 251).astype(np.uint8).reshape(n, 1, 1, 1),
        content=LabelSpec("letter", tuple("abcdefghij"[:classes])),
        labels={"content": labels},
        splits={"content": {"train": tuple(range(classes))}},
    )


@pytest.mark.parametrize("labels", [100, 20, 5, 1])
def test_fit_trains_on_as_many_labels_of_each_class_as_were_asked_for(tables, labels):
    dataset = grey(2_000, 4)
    domain = tables["jade"].Domain(dataset, None, np.arange(1_500), np.arange(1_500, 2_000))
    rows = tables["jade"].drawn(domain, labels, seed=3)
    assert rows.max() < 1_500 and len(set(rows)) == len(rows)
    kept = tables["results"].part(dataset, rows)
    trained = kept.labels["content"][kept.closed_set() == 0]
    assert np.bincount(trained).tolist() == [labels] * 4
    assert (tables["jade"].drawn(domain, labels, seed=3) == rows).all()
    assert set(tables["jade"].drawn(domain, labels, seed=4)) != set(rows)


def test_a_part_of_a_data_set_keeps_classes_by_name(tables):
    dataset = replace(grey(12, 4), content=LabelSpec("letter", ("x", "b", "y", "a")))
    rows = np.array([1, 3, 5, 7])
    found = tables["results"].part(dataset, rows, ("a", "b"))
    assert found.content.classes == ("a", "b") and found.labels["content"].tolist() == [1, 0, 1, 0]
    assert found.images[:, 0, 0, 0].tolist() == [1, 3, 5, 7]


def test_selective_latents_are_those_that_some_classes_use_and_others_do_not(tables):
    assert tables["nvae"].selective([[0.0, 0.5, 0.5, 0.01], [0.0, 0.5, 0.0, 0.04]]) == 1


def test_results_are_measured_once(tables, tmp_path):
    calls = []

    def measure():
        calls.append(1)
        return {"accuracy": 0.5}

    for _ in range(2):
        assert tables["results"].kept(tmp_path / "deep" / "file.json", measure) == {"accuracy": 0.5}
    assert calls == [1]


@pytest.mark.slow
@pytest.mark.skipif("UNBRAID_DATA" not in os.environ, reason="needs UNBRAID_DATA")
@pytest.mark.parametrize("name", ["cycle-VAE", "Mathieu", "Szabo"])
def test_published_weights_give_what_the_paper_prints(tables, tmp_path, name):
    """Tier A on a subset: 12,000 training and all test digits; within 6 points, the paper's own run-to-run spread."""
    cycle = tables["cycle"]
    dataset, train, test = cycle.measured(cycle.mnist(), 5)
    codes = cycle.published_codes(name, tmp_path, dataset)
    fit, held = cycle.some(codes, train), cycle.some(codes, test)
    found = cycle.read(fit, held, epochs=10, seeds=1)
    specified, unspecified = cycle.PRINTED[name]
    assert 100 * found["specified"][0] == pytest.approx(specified, abs=6)
    assert 100 * found.get("sampled", found["mean"])[0] == pytest.approx(unspecified, abs=6)
    if "sampled" in found:
        assert found["mean"][0] > found["sampled"][0] + 0.1  # what the paper does not print

"""Attackers against an independent implementation, and against what cannot be learned."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.neighbours import read_by_neighbours
from unbraid.core.evaluation.probe import ProbeSettings, probe, split_by_sample


def clouds(classes, per_class, width, distance, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), per_class)
    return (rng.normal(size=(classes, width))[y] * distance + rng.normal(size=(len(y), width))).astype(np.float32), y


@pytest.mark.parametrize("distance", [0.3, 1.0])
def test_the_linear_attacker_is_as_good_as_logistic_regression(distance):
    z, y = clouds(20, 60, 16, distance)
    train, test = split_by_sample(y, 0.25, seed=0)
    reference = LogisticRegression(max_iter=2000).fit(z[train], y[train]).score(z[test], y[test])
    linear = probe({"z": z}, y, seed=0)["z"].attacks[0]
    assert linear.kind == "linear"
    assert linear.accuracy == pytest.approx(reference, abs=0.04)


@pytest.mark.parametrize("distance", [0.4, 1.0, 5.0])
def test_nearest_neighbours_are_those_of_the_definition(distance):
    z, y = clouds(6, 100, 4, distance)
    train, test = split_by_sample(y, 0.25, seed=0)
    fit, target, queries, wanted = (torch.from_numpy(x) for x in (z[train], y[train], z[test], y[test]))
    found = read_by_neighbours(fit, target, queries, wanted, 6)
    k = found.k
    reference = KNeighborsClassifier(k).fit(z[train], y[train])
    shares = reference.predict_proba(z[test])
    nearest = y[train][reference.kneighbors(z[test], return_distance=False)]
    # most votes, then the smallest sum of ranks
    guesses = [
        max(range(6), key=lambda c, row=row: ((row == c).sum(), -np.flatnonzero(row == c).sum())) for row in nearest
    ]
    assert found.accuracy == pytest.approx(np.mean(guesses == y[test]), abs=1e-6)
    voted = shares[np.arange(len(test)), y[test]]
    np.testing.assert_allclose(found.nats, -np.log((voted * k + 1 / 6) / (k + 1)), rtol=1e-4)


def test_the_number_of_neighbours_is_chosen_by_leaving_one_out():
    z, y = clouds(6, 100, 4, 0.4)
    fit, target = torch.from_numpy(z), torch.from_numpy(y)
    found = read_by_neighbours(fit, target, fit[:9], target[:9], 6)
    model = KNeighborsClassifier(found.k)
    rows = range(0, 600, 5)
    alone = [model.fit(np.delete(z, i, 0), np.delete(y, i)).predict(z[i : i + 1])[0] == y[i] for i in rows]
    assert abs(found.train_accuracy - np.mean(alone)) < 4 * np.sqrt(0.25 / len(alone))
    assert (
        read_by_neighbours(fit[::100], target[::100], fit[:9], target[:9], 6).train_accuracy == 0
    )  # alone in its class


def test_nearest_neighbours_see_what_neither_network_was_trained_to_see():
    """A class of every second cell of a fine chess board: local, and far from linear."""
    rng = np.random.default_rng(0)
    z = rng.uniform(0, 8, size=(2400, 2))
    y = (np.floor(z).sum(1) % 2).astype(int)
    found = probe({"z": z.astype(np.float32)}, y, seed=0, settings=ProbeSettings(hidden=8, epochs=1))["z"]
    accuracy = {attack.kind: attack.accuracy for attack in found.attacks}
    assert accuracy["nearest-neighbour"] > 0.1 + max(accuracy["linear"], accuracy["two-layer"])
    assert found.strongest.kind == "nearest-neighbour"


def test_nearest_neighbours_of_noise_are_at_chance():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        z, y = torch.from_numpy(rng.normal(size=(200, 4))), torch.from_numpy(rng.integers(4, size=200))
        found.append(read_by_neighbours(z[:150], y[:150], z[150:], y[150:], 4).accuracy)
    assert abs(np.mean(found) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)


def test_labels_that_say_nothing_cannot_be_read():
    z, y = clouds(10, 40, 16, 1.0)
    shuffled = np.random.default_rng(1).permutation(y)
    found = probe({"z": z}, shuffled, seed=0)["z"]
    assert found.majority == pytest.approx(0.1)
    assert all(abs(attack.accuracy - 0.1) < 4 * np.sqrt(0.09 / found.n_test) for attack in found.attacks)
    assert all(attack.train_accuracy > 0.2 for attack in found.attacks[:2])  # it was tried
    assert found.nats < 0.05


def test_the_bound_in_nats_reaches_the_entropy_of_a_label_that_is_there():
    z, y = clouds(8, 60, 8, 5.0)
    found = probe({"z": z}, y, seed=0)["z"]
    assert found.entropy == pytest.approx(np.log(8))
    assert 0.97 * np.log(8) < found.nats <= np.log(8)


def test_codes_probed_together_and_alone_give_the_same_figures():
    z, y = clouds(6, 40, 8, 0.6)
    other = np.random.default_rng(2).normal(size=z.shape).astype(np.float32)
    settings = ProbeSettings(hidden=16, min_steps=50, epochs=1)
    together = probe({"a": z, "b": other, "wide": np.hstack([z, other])}, y, seed=0, settings=settings)
    for name, code in (("a", z), ("b", other)):
        alone = probe({name: code}, y, seed=0, settings=settings)[name]
        for one, many in zip(alone.attacks, together[name].attacks, strict=True):
            assert one.accuracies == pytest.approx(many.accuracies, abs=0.02)  # sums of another order, chaotic
    assert list(together) == ["a", "b", "wide"]


def test_probing_depends_on_the_seed_alone():
    z, y = clouds(6, 40, 8, 0.4)
    settings = ProbeSettings(hidden=16, min_steps=50, epochs=1)
    torch.manual_seed(1)
    first = probe({"a": z}, y, seed=0, settings=settings)
    state = torch.get_rng_state()
    second = probe({"a": z}, y, seed=0, settings=settings)
    assert first == second
    assert torch.equal(state, torch.get_rng_state())
    assert probe({"a": z}, y, seed=1, settings=settings) != first


def test_scale_offset_and_dead_numbers_do_not_matter():
    z, y = clouds(6, 40, 8, 0.6)
    settings = ProbeSettings(hidden=16, min_steps=200)
    dressed = np.hstack([z[:, :4] * 1e4 + 1e6, np.full((len(z), 1), 7.0), z[:, 4:]]).astype(np.float64)
    plain = probe({"a": z}, y, seed=0, settings=settings)["a"].strongest.accuracy
    assert probe({"a": dressed}, y, seed=0, settings=settings)["a"].strongest.accuracy == pytest.approx(plain, abs=0.06)


def test_the_split_is_by_sample_within_every_class():
    y = np.repeat([0, 1, 2], [8, 3, 2])
    train, test = split_by_sample(y, 0.25, seed=0)
    assert sorted([*train, *test]) == list(range(13))
    assert np.bincount(y[test]).tolist() == [2, 1, 1]
    with pytest.raises(ProtocolError):
        split_by_sample(np.array([0, 0, 1]), 0.25, seed=0)
    with pytest.raises(ProtocolError):
        split_by_sample(np.zeros(9, dtype=int), 0.25, seed=0)

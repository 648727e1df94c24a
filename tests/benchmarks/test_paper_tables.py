"""The parts of the paper tables: attackers at the Bayes rate, as many labels as were asked for, the printed layout."""

import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import unbraid
from unbraid.core.artefacts import write_json
from unbraid.core.evaluation.episodes import draw_episodes
from unbraid.core.evaluation.judge import train_judge
from unbraid.core.interfaces import Dataset, Draws, LabelSpec, Posterior, SameClassPairs
from unbraid.core.latents import encode_dataset
from unbraid.core.training.sampling import make_sampler

FOLDER = Path(__file__).parents[2] / "benchmarks" / "paper_tables"


@pytest.fixture(scope="module")
def tables():
    """The modules of the benchmark, which is no package."""
    sys.path.insert(0, str(FOLDER))
    try:
        import cycle_vae_tables
        import few_shot_tables
        import jade_tables
        import n_vae_tables
        import pixelvae_tables
        import results

        yield {
            "cycle": cycle_vae_tables,
            "few-shot": few_shot_tables,
            "jade": jade_tables,
            "nvae": n_vae_tables,
            "pixelvae": pixelvae_tables,
            "results": results,
        }
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


@pytest.mark.parametrize("count", [0, 1, 10, None])
def test_of_new_digits_as_many_pictures_are_learnt_as_were_asked_for(tables, count):
    labels = np.arange(1_000) % 10
    given = np.arange(500, 1_000)
    rows = tables["few-shot"].learnt(labels, given, count, seed=3)
    assert np.isin(rows, given).all()
    for digit in range(10):
        expected = 50 if digit < 7 or count is None else count
        assert len(set(rows[labels[rows] == digit])) == expected
    if count == 1:
        assert set(rows) <= set(tables["few-shot"].learnt(labels, given, 10, seed=3))
        assert set(rows) != set(tables["few-shot"].learnt(labels, given, 1, seed=4))


def test_a_single_picture_is_a_pair_with_itself_and_new_digits_are_three_pairs_in_ten(tables):
    dataset = replace(grey(500, 10), content=LabelSpec("digit", tuple("0123456789")))
    rows = tables["few-shot"].learnt(dataset.labels["content"], np.arange(250), 1, seed=0)  # where no two are alike
    backbone = unbraid.load_backbone("pixels", channels=1, size=1)
    latents = encode_dataset(backbone, tables["results"].part(dataset, rows), device="cpu")
    pairs = make_sampler(SameClassPairs(20_000), {"default": latents})(Draws(0, "pairs", 0))
    same, new = (pairs.first == pairs.second).flatten(1).all(1), pairs.labels["content"] >= 7
    assert same[new].all() and not same[~new].any()
    assert float(new.float().mean()) == pytest.approx(0.3, abs=0.02)  # six deviations


def test_style_donors_are_of_another_digit_and_among_those_given(tables):
    labels = np.arange(1_000) % 10
    contents, styles = np.flatnonzero(labels < 7), np.flatnonzero((labels < 7) & (np.arange(1_000) < 300))
    drawn = tables["few-shot"].partners(labels, contents, styles, seed=0)
    assert np.isin(drawn, styles).all() and (labels[drawn] != labels[contents]).all()
    assert len(set(drawn)) > 150  # of 210, each drawn 3.3 times on average


@pytest.fixture(scope="module")
def three_channels(tables):
    """Test digits whose second channel alone says which digit they are; the others are noise."""
    few = tables["few-shot"]
    labels = np.arange(400) % 10
    pictures = 0.2 * np.random.default_rng(0).random((400, 3, 4, 4), dtype=np.float32)
    pictures.reshape(400, -1)[np.arange(400), 16 + labels] += 0.8
    eye = few.Eye.of(pictures)
    asked = np.where(labels >= 7, labels, -1)
    episodes = draw_episodes(asked, ways=3, shots=1, queries=5, episodes=50, seed=0)
    judge = train_judge(eye(pictures), labels, seed=0)
    return few.World(None, np.arange(0), torch.from_numpy(pictures), labels, eye, judge, episodes)


@pytest.mark.parametrize("right", [True, False])
def test_swaps_and_episodes_tell_a_split_that_is_right_from_one_that_is_reversed(tables, three_channels, right):
    few, world = tables["few-shot"], three_channels
    names = ("unspecified", "specified") if right else ("specified", "unspecified")
    ranges = dict(zip(names, [(0, 1), (1, 3)], strict=True))
    model = unbraid.attach("slice", unbraid.load_backbone("pixels", channels=3, size=4), device="cpu", **ranges)
    found = few.codes(model, world.pictures)
    for title in few.SWAPS:
        figures = few.swapped(world, model, found, title)["figures"]
        assert figures[f"{title}: seen as the content donor's digit"]["value"] == right
        assert figures[f"{title}: as the style donor's"]["value"] == (not right)
    rebuilt = few.rebuilt(world, model, found)
    assert {name: figure["value"] for name, figure in rebuilt.items()} == {
        name: 0 if name.endswith(few.ERROR) else 1 for name in rebuilt
    }
    accuracy = few.recognised(world, found["specified"].flatten(1))["value"]
    assert accuracy == 1 if right else abs(accuracy - 1 / 3) < 0.1


def test_what_was_measured_is_laid_out_as_mean_interval_and_range_over_seeds(tables, tmp_path):
    few = tables["few-shot"]
    title = next(iter(few.SWAPS))
    for place, name in enumerate(few.COUNTS):
        for seed in range(few.QUICK_SEEDS):
            value = (10 * place + 2 * seed) / 100
            figures = [
                {"name": each, "value": value, "interval": [0.0, 2 * value]} for each in ("z", f"a, {few.ERROR}")
            ]
            seen = {title: {f"{digit}": [0, 3, 0, 0, 1, 0, 0, 0, 0, 0] for digit in few.NEW}}
            write_json(tmp_path / f"{name}-{seed}.json", {"figures": figures, "seen": seen})
    _, figures, digits = few.table(tmp_path, True)
    shares, errors = figures.splitlines()[-2:]
    assert shares.startswith("| z | 1.0 (0.0 .. 2.0; 0.0 to 2.0) | 11.0 (0.0 .. 22.0; 10.0 to 12.0) |")
    assert errors.endswith("| 0.21 (0.00 .. 0.42; 0.20 to 0.22) | 0.31 (0.00 .. 0.62; 0.30 to 0.32) |")
    assert digits.splitlines()[-1].startswith("| 9 | 1: 75, 4: 25, 0: 0, 2: 0 |")


def test_errors_of_drawn_pictures_are_told_apart(tables):
    """One of four ink pixels is missing and two of twelve of paper are inked; grey counts in squares, not as wrong."""
    real, made = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    real[..., 0, :] = 0.9
    made[..., 0, 1:] = 1
    made[..., 3, :2] = 1
    found = tables["pixelvae"].errors(made, real)
    assert found["wrong"] == pytest.approx(3 / 16)
    assert found["balanced"] == pytest.approx((1 / 4 + 2 / 12) / 2)
    assert found["squared"] == pytest.approx((0.81 + 3 * 0.01 + 2) / 16)
    half = torch.full((1, 1, 4, 4), 0.5)
    assert tables["pixelvae"].bernoulli_bits(half, made) == pytest.approx(16)


def test_intervals_are_over_characters_not_over_pictures(tables):
    """A hundred copies of each picture tell no more of characters than one."""
    values, characters = np.array([0.1, 0.2, 0.4]), np.arange(3)
    once = tables["pixelvae"].over_characters(values, characters)
    many = tables["pixelvae"].over_characters(values.repeat(100), characters.repeat(100))
    assert many == pytest.approx(once) and once[0] == pytest.approx(values.mean())


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

"""Judged swaps in worlds where a swap is right, wrong in one half, or nothing at all."""

from dataclasses import replace

import numpy as np
import pytest

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.evaluation import RANDOM, RAW, Evidence, Population
from unbraid.core.evaluation.judge import train_judge
from unbraid.plugins.metrics.swap_labels import SwapLabelsConfig, swap_labels

WIDTH, CONTENTS, STYLES, REPEATS = 4, 5, 4, 6
HALVES = {"what": slice(0, WIDTH), "how": slice(WIDTH, None)}


def split(z):
    return {name: z[:, part] for name, part in HALVES.items()}


def join(factors):
    return np.concatenate([factors["what"], factors["how"]], 1)


def world(entangle=join, disentangle=split, noise=0.05, styles=True):
    rng = np.random.default_rng(0)
    content, style = 2 * rng.normal(size=(CONTENTS, WIDTH)), 2 * rng.normal(size=(STYLES, WIDTH))
    c, s, _ = (x.ravel() for x in np.meshgrid(range(CONTENTS), range(STYLES), range(REPEATS), indexing="ij"))
    z = np.concatenate([content[c], style[s]], 1)
    z = (z + noise * rng.normal(size=z.shape)).astype(np.float32)
    population = Population(
        name="unseen_content",
        rows=np.arange(len(z)),
        z=z,
        labels={"content": c} | ({"style": s} if styles else {}),
        factors=disentangle(z),
        random_factors=split(np.roll(z, 1, axis=1)),
    )
    return Evidence(
        populations={"unseen_content": population},
        roles={"what": "content", "how": "style"},
        entangle=entangle,
        disentangle=disentangle,
        random_entangle=lambda factors: np.roll(join(factors), -1, axis=1),
        random_disentangle=lambda rows: split(np.roll(rows, 1, axis=1)),
    )


def measured(evidence):
    return {f.name.removesuffix("/unseen_content"): f for f in swap_labels(evidence, SwapLabelsConfig(swaps=300))}


def test_a_perfect_head_is_judged_right_closes_its_cycle_and_is_as_diverse_as_real_samples():
    found = measured(world())
    for label in ("content", "style", "both"):
        figure = found[f"swap_labels/{label}"]
        assert figure.value == 1.0 == figure.baselines["real latents"]
    assert (
        found["swap_labels/content"].baselines[RAW] == 1.0 == found["swap_labels/style"].baselines["copy style donor"]
    )
    assert found["swap_labels/style"].baselines[RAW] == 0.0 == found["swap_labels/both"].baselines[RAW]
    assert found["swap_labels/both"].chance == pytest.approx(1 / CONTENTS / STYLES)
    assert found["swap_cycle/what"].value == found["swap_cycle/how"].value == 0
    assert found["swap_diversity"].value == pytest.approx(1, abs=0.15)
    assert found["swap_labels/both"].baselines[RANDOM] < 1
    assert found["swap_labels/content"].protocol["judge_samples"] == CONTENTS * (24 - 10)


def test_a_head_that_copies_the_content_donor_is_seen():
    """All of the latent in the content factor: content is right, style never, nothing varies."""
    everything = lambda z: {"what": z, "how": 0 * z[:, :1]}
    found = measured(world(lambda factors: factors["what"], everything))
    assert found["swap_labels/content"].value == 1.0
    assert found["swap_labels/style"].value == found["swap_labels/both"].value == 0.0
    assert found["swap_diversity"].value == pytest.approx(0, abs=1e-6)


def test_a_planted_swap_error_is_seen_in_the_half_it_is_in():
    wrong_style = lambda factors: join(factors | {"how": np.roll(factors["how"], 7, axis=0)})
    found = measured(world(wrong_style))
    assert found["swap_labels/content"].value == 1.0
    assert found["swap_labels/style"].value < 0.5
    assert found["swap_cycle/what"].value == 0
    assert found["swap_cycle/how"].value == pytest.approx(1, abs=0.25)  # the style of any other sample


def test_the_cycle_error_in_closed_form():
    """Entangling shrinks style to a half: off by half the donor's norm, beside the distance to a random sample."""
    evidence = world(lambda factors: join(factors | {"how": factors["how"] / 2}))
    figure = measured(evidence)["swap_cycle/how"]
    style = evidence.populations["unseen_content"].factors["how"]
    apart = np.linalg.norm(style[:, None] - style[None], axis=2)
    assert figure.value == pytest.approx((np.linalg.norm(style, axis=1) / 2).mean() / apart.mean(), rel=0.15)


#: A decoder that is the same numbers as a row of pixels, and one that loses style.
IMAGES = {"decode": lambda z: z[:, None, None] / 40 + 0.5, "encode": lambda x: (x[:, 0, 0] - 0.5) * 40}
BLIND = IMAGES | {"decode": lambda z: (z * np.repeat([1, 0], WIDTH).astype(np.float32))[:, None, None] / 40 + 0.5}


def test_in_pixels_a_lossless_backbone_gives_the_figures_in_latents():
    found = measured(replace(world(), **IMAGES))
    pixels = {name for name in found if "_pixels" in name}
    assert pixels == {name.replace("/", "_pixels/", 1) for name in found if "/" in name and name not in pixels} | {
        "swap_diversity_pixels"
    }
    for label in ("content", "style", "both"):
        figure = found[f"swap_labels_pixels/{label}"]
        assert figure.value == 1.0 == figure.baselines["decoded donors"] == figure.baselines["real latents"]
        assert figure.protocol["swaps"] == 200
    assert found["swap_labels_pixels/style"].baselines[RAW] == 0.0
    assert found["swap_cycle_pixels/how"].value == pytest.approx(0, abs=1e-5)
    assert found["swap_diversity_pixels"].value == pytest.approx(1, abs=0.2)


def test_in_pixels_what_the_decoder_loses_is_lost_though_latents_are_right():
    found = measured(replace(world(), **BLIND))
    assert found["swap_labels/style"].value == found["swap_labels/both"].value == 1.0
    style = found["swap_labels_pixels/style"]
    # the picture has no style: the judge says the same of all, and the ceiling beside the figure says whose fault it is
    assert style.value < 0.5 and style.baselines["decoded donors"] == pytest.approx(style.value, abs=0.1)
    assert found["swap_labels_pixels/content"].value > 0.9
    assert found["swap_diversity_pixels"].value < 0.2
    assert found["swap_cycle_pixels/how"].value > 0.4


def test_in_pixels_a_planted_swap_error_is_seen_and_a_copy_has_no_diversity():
    wrong_style = lambda factors: join(factors | {"how": np.roll(factors["how"], 7, axis=0)})
    found = measured(replace(world(wrong_style), **IMAGES))
    assert found["swap_labels_pixels/content"].value == 1.0
    assert found["swap_labels_pixels/style"].value < 0.5
    assert found["swap_cycle_pixels/how"].value > 0.7
    everything = lambda z: {"what": z, "how": 0 * z[:, :1]}
    copy = measured(replace(world(lambda factors: factors["what"], everything), **IMAGES))
    assert copy["swap_labels_pixels/style"].value == 0.0
    assert copy["swap_diversity_pixels"].value == pytest.approx(0, abs=1e-6)


def test_without_a_decoder_pixels_are_not_applicable():
    found = measured(world())
    assert "cannot decode" in found["swap_labels_pixels"].not_applicable


def test_without_style_labels_content_is_judged_alone_and_without_entangle_nothing():
    found = measured(world(styles=False))
    assert found["swap_labels/content"].value == 1.0
    assert "no style labels" in found["swap_labels/style"].not_applicable
    assert "swap_labels/both" not in found
    with pytest.raises(CapabilityError):
        swap_labels(replace(world(), entangle=None))
    with pytest.raises(ConfigError):
        SwapLabelsConfig(donors=1)


def test_a_judge_of_noise_is_at_chance_and_of_clouds_as_good_as_bayes():
    rng = np.random.default_rng(0)
    y = np.repeat([3, 8], 400)  # labels need not start at zero
    x = (rng.normal(size=(800, 2)) + 1.5 * (y == 8)[:, None] * [1, 0]).astype(np.float32)
    fit = rng.permutation(800)[:500]
    rest = np.setdiff1d(np.arange(800), fit)
    accuracy = (train_judge(x[fit], y[fit], seed=0)(x[rest]) == y[rest]).mean()
    assert accuracy == pytest.approx(0.7734, abs=4 * np.sqrt(0.175 / 300))  # normal distribution at 0.75
    noise = train_judge(x[fit][:, 1:], y[fit], seed=0)(x[rest][:, 1:])
    assert (noise == y[rest]).mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 300))

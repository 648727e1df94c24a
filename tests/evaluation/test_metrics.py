"""The built-in metrics on worlds where the right figure is known."""

from dataclasses import replace

import numpy as np
import pytest

from unbraid.core.errors import CapabilityError, ConfigError, ProtocolError
from unbraid.core.evaluation import RANDOM, RAW, Evidence, Population
from unbraid.plugins.metrics.few_shot import FewShotConfig, few_shot
from unbraid.plugins.metrics.probes import ProbesConfig, probes
from unbraid.plugins.metrics.reconstruction import reconstruction
from unbraid.plugins.metrics.swap_error import SwapConfig, swap_error
from unbraid.plugins.metrics.swaps import draw_swaps

CONTENTS, STYLES, WIDTH = 12, 8, 6
#: Contents and styles of each population: the first ones are for training.
PARTS = {
    "train": (range(6), range(5)),
    "unseen_content": (range(6, 12), range(5)),
    "unseen_style": (range(6), range(5, 8)),
    "unseen_both": (range(6, 12), range(5, 8)),
}


class World:
    """Contents and styles are random vectors; a latent is some function of the two, and noise.

    `latent(c, s)` gives `(n, D)`; `split(z, content, style)` gives the factors of the head, given what is true.
    """

    def __init__(self, latent, split, entangle=None, *, repeats=1, parts=PARTS, seed=0, **functions):
        rng = np.random.default_rng(seed)
        self.content = rng.normal(size=(CONTENTS, WIDTH))
        self.style = rng.normal(size=(STYLES, WIDTH))
        self.latent, self.split, self.rng = latent, split, rng
        self.evidence = Evidence(
            populations={name: self.population(name, *part, repeats) for name, part in parts.items()},
            roles={"what": "content", "how": "style"},
            seed=seed,
            episodes=200,
            entangle=entangle,
            no_random_head="there is none in this world",
            **functions,
        )

    def population(self, name, contents, styles, repeats):
        c, s = np.meshgrid(np.repeat(contents, repeats), styles, indexing="ij")
        c, s = c.ravel().astype(np.int64), s.ravel().astype(np.int64)
        z = self.latent(self.content[c], self.style[s], self.rng).astype(np.float32)
        factors = {k: v.astype(np.float32) for k, v in self.split(z, self.content[c], self.style[s]).items()}
        return Population(name=name, rows=c * STYLES + s, z=z, labels={"content": c, "style": s}, factors=factors)


def added(content, style, rng):
    """Content and style in the same numbers: a latent that nothing linear tells apart without statistics."""
    return content + style


def joined(content, style, rng):
    """Content and style side by side: a latent that comes apart."""
    return np.concatenate([content, style], 1)


def crossed(content, style, rng):
    """Content, style and their product: the additive rule fails."""
    return np.concatenate([content, style, content * style], 1)


def perfect(z, content, style):
    return {"what": content, "how": style}


def halves(z, content, style):
    return {"what": z[:, :WIDTH], "how": z[:, WIDTH:]}


def join(factors):
    return np.concatenate([factors["what"], factors["how"]], 1)


def cross(factors):
    return np.concatenate([factors["what"], factors["how"], factors["what"] * factors["how"]], 1)


def only(population, rows):
    """Some rows of a population."""
    cut = lambda arrays: {name: array[rows] for name, array in arrays.items()}
    return replace(
        population,
        rows=population.rows[rows],
        z=population.z[rows],
        labels=cut(population.labels),
        factors=cut(population.factors),
        random_factors=cut(population.random_factors),
    )


def named(figures):
    return {figure.name: figure for figure in figures}


def test_few_shot_of_a_perfect_code_is_perfect_and_of_an_empty_one_at_chance():
    world = World(joined, lambda z, c, s: {"what": c, "how": np.zeros_like(s)})
    figures = named(few_shot(world.evidence, FewShotConfig(ways=3)))
    assert set(figures) == {f"few_shot/{f}/{p}" for f in ("what", "how") for p in ("unseen_content", "unseen_both")}
    what, how = figures["few_shot/what/unseen_content"], figures["few_shot/how/unseen_content"]
    assert (what.value, what.interval, what.higher_is_better) == (1.0, (1.0, 1.0), True)
    assert how.value == pytest.approx(1 / 3) == how.chance
    assert not how.higher_is_better
    assert what.baselines[RAW] == how.baselines[RAW] < 1
    assert what.baselines[RANDOM] is None and "no" in what.protocol["random_head"]
    assert what.protocol["queries_per_way"] == 4  # five styles, one of them the example
    assert figures["few_shot/what/unseen_both"].protocol["queries_per_way"] == 2


def test_few_shot_of_noise_is_at_chance():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        noise = World(joined, lambda z, c, s, rng=rng: {"what": rng.normal(size=c.shape), "how": s}, seed=seed)
        figure = named(few_shot(noise.evidence, FewShotConfig(ways=3)))["few_shot/what/unseen_content"]
        found.append(figure.value)
    assert abs(np.mean(found) - 1 / 3) < 3 * np.std(found) / np.sqrt(40) < 0.03


def test_few_shot_that_asks_for_too_much_is_not_applicable_and_says_what_there_is():
    world = World(joined, perfect)
    figure = named(few_shot(world.evidence, FewShotConfig(ways=7)))["few_shot/what/unseen_content"]
    assert figure.value is None
    assert "7 classes" in figure.not_applicable and "found:    6" in figure.not_applicable


def test_few_shot_shows_the_heads_own_scorer_beside_the_distance():
    world = World(joined, lambda z, c, s: {"what": c, "how": s}, score=lambda a, b: (a == b).all(1).astype(np.float32))
    figures = named(few_shot(world.evidence, FewShotConfig(ways=3, score_episodes=50)))
    scored = figures["few_shot_score/what/unseen_content"]
    assert scored.value == 1.0
    assert scored.protocol["episodes"] == 50


def test_few_shot_by_the_papers_protocol_asks_a_thousand_queries():
    world = World(joined, lambda z, c, s: {"what": c, "how": np.zeros_like(s)})
    figures = named(few_shot(world.evidence, FewShotConfig(ways=5, preset="paper")))
    what, how = figures["few_shot/what/unseen_content"], figures["few_shot/how/unseen_content"]
    assert (what.protocol["episodes"], what.protocol["queries_per_way"], what.protocol["ways_asked"]) == (1000, 1, 1)
    assert what.value == 1.0
    # 1,000 coin flips at 0.2: the interval is as wide as a binomial's
    assert how.interval[1] - how.value == pytest.approx(1.96 * np.sqrt(how.value * (1 - how.value) / 1000), rel=0.01)
    assert how.interval[0] - 0.02 < 0.2 < how.interval[1] + 0.02


def test_few_shot_scores_the_episodes_of_a_file(tmp_path):
    world = World(joined, lambda z, c, s: {"what": c + s, "how": s})
    saved = few_shot(world.evidence, FewShotConfig(ways=3, save=str(tmp_path)))
    read = few_shot(replace(world.evidence, seed=7, episodes=9), FewShotConfig(read=str(tmp_path)))
    fresh = few_shot(replace(world.evidence, seed=7), FewShotConfig(ways=3))
    assert [f.value for f in saved] == [f.value for f in read] != [f.value for f in fresh]
    assert [f.protocol["episode_hash"] for f in saved] == [f.protocol["episode_hash"] for f in read]
    with pytest.raises(ConfigError):
        FewShotConfig(save="a", read="b")


PROBES = ProbesConfig(seeds=2, hidden=32)


def test_probes_find_a_planted_leak_and_nothing_where_there_is_nothing():
    rng = np.random.default_rng(0)
    noise = lambda z: rng.normal(size=(len(z), WIDTH))
    clean = World(joined, lambda z, c, s: {"what": c, "how": noise(z)}, repeats=10)
    leaky = World(joined, lambda z, c, s: {"what": c, "how": s + 3 * c}, repeats=10)
    clean_leak = named(probes(clean.evidence, PROBES))["leakage/how/content"]
    found = named(probes(leaky.evidence, PROBES))
    # the strongest of three attackers is a little above chance where there is nothing: the control shows how much
    control = clean_leak.baseline_intervals["shuffled labels"]
    assert clean_leak.interval[0] <= control[1] and control[0] <= clean_leak.interval[1]
    for figure in found.values():
        assert (
            figure.baseline_intervals["shuffled labels"][0] < figure.chance + 0.1
            and figure.baselines["shuffled labels"] < 0.35
        )
        assert figure.protocol["information_nats"]["shuffled labels"] < 0.1
    assert found["leakage/how/content"].value > 0.9
    assert found["leakage/how/content"].protocol["normalised"] > 0.85
    assert found["alignment/what/content"].value == 1.0
    assert not found["leakage/how/content"].higher_is_better
    assert found["leakage/how/content"].protocol["information_nats"]["factor"] > 0.8 * np.log(6)


def test_only_the_two_layer_attacker_sees_a_leak_that_is_not_linear():
    rng = np.random.default_rng(0)

    def parity(z, c, s):
        bits = rng.integers(0, 2, size=(len(z), 2)) * 2 - 1
        label = (np.unique(c[:, 0], return_inverse=True)[1] % 2) * 2 - 1
        return {"what": c, "how": np.stack([bits[:, 0], bits[:, 0] * label], 1) + 0.1 * rng.normal(size=bits.shape)}

    world = World(joined, parity, repeats=10)
    train = world.evidence.populations["train"]
    halved = replace(
        train, labels=train.labels | {"content": np.unique(train.factors["what"][:, 0], return_inverse=True)[1] % 2}
    )
    evidence = replace(world.evidence, populations={"train": halved})
    leak = named(probes(evidence, PROBES))["leakage/how/content"]
    assert leak.protocol["strongest"] == "two-layer"
    assert leak.protocol["attacks"]["two-layer"]["accuracy"] > 0.95
    assert leak.protocol["attacks"]["linear"]["accuracy"] < 0.7


def test_probes_look_both_ways():
    """Style planted in the content factor is leakage of the other direction."""
    rng = np.random.default_rng(0)
    clean = World(joined, lambda z, c, s: {"what": c + 0.01 * rng.normal(size=c.shape), "how": s}, repeats=8)
    leaky = World(joined, lambda z, c, s: {"what": c + 0.3 * s, "how": s}, repeats=8)
    figures = named(probes(leaky.evidence, PROBES))
    assert set(figures) == {
        f"{k}/{f}/{y}"
        for k, f, y in [
            ("alignment", "what", "content"),
            ("leakage", "how", "content"),
            ("leakage", "what", "style"),
            ("alignment", "how", "style"),
        ]
    }
    assert figures["leakage/what/style"].value > 0.9
    nothing = named(probes(clean.evidence, PROBES))["leakage/what/style"]
    assert nothing.value < 0.4 and nothing.chance == pytest.approx(0.2)


def test_attackers_of_sampled_factors_see_several_draws():
    """Where noise drowns the mean on single draws, more draws teach the attacker what one draw cannot."""
    rng = np.random.default_rng(0)
    world = World(joined, lambda z, c, s: {"what": c, "how": c + 2 * rng.normal(size=c.shape)}, repeats=4)
    mean = world.evidence.populations["train"].factors["what"]
    drawn = []

    def redraw(name, draw):
        drawn.append((name, draw))
        noise = np.random.default_rng(draw).normal(size=mean.shape).astype(np.float32)
        return {"what": mean, "how": mean + 2 * noise}, {}

    one = named(probes(world.evidence, PROBES))["leakage/how/content"]
    many = named(probes(replace(world.evidence, redraw=redraw), PROBES))["leakage/how/content"]
    assert set(drawn) == {("train", draw) for draw in (1, 2, 3)}
    assert (one.protocol["factor_mode"], one.protocol["draws"]) == ("mean", 1)
    assert (many.protocol["factor_mode"], many.protocol["draws"]) == ("sample", 4)
    attacks = [figure.protocol["attacks"]["two-layer"] for figure in (one, many)]
    by_heart = [attack["train_accuracy"] - attack["accuracy"] for attack in attacks]
    assert by_heart[1] < by_heart[0]


def test_probes_of_a_label_that_does_not_exist_are_not_applicable():
    world = World(joined, perfect, repeats=4)
    train = world.evidence.populations["train"]
    evidence = replace(
        world.evidence, populations={"train": replace(train, labels={"content": train.labels["content"]})}
    )
    figures = named(probes(evidence, PROBES))
    assert figures["alignment/what/content"].value is not None
    assert "no style labels" in figures["alignment/how/style"].not_applicable


def test_swap_error_of_a_perfect_head_is_zero_where_the_additive_rule_fails():
    world = World(crossed, perfect, cross)
    figures = named(swap_error(world.evidence))
    for where in ("unseen_content", "unseen_both"):
        figure = figures[f"swap_error/{where}"]
        assert figure.value == pytest.approx(0, abs=1e-9)
        assert figure.baselines["reconstruction"] == pytest.approx(0, abs=1e-9)
        assert figure.baselines["additive rule"] > 0.1
        assert figures[f"swap_right_cell/{where}"].value == 1.0
        assert figures[f"swap_right_cell/{where}"].chance == 1 / figure.protocol["contents"] / figure.protocol["styles"]


def test_the_additive_rule_is_exact_on_additive_data_and_copies_are_as_far_as_the_donors():
    world = World(added, perfect, lambda factors: factors["what"] + factors["how"])
    figures = named(swap_error(world.evidence, SwapConfig(swaps=20_000)))
    figure = figures["swap_error/unseen_content"]
    assert figure.baselines["additive rule"] == pytest.approx(0, abs=1e-9)
    # by hand: contents and styles of the test cells, each pair of different ones equally likely
    c, s = world.content[6:12], world.style[0:5]
    pairs = lambda x: np.mean([((a - b) ** 2).sum() for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    variance = c.var(0).sum() + s.var(0).sum()
    assert figure.baselines["copy content donor"] == pytest.approx(pairs(s) / variance, rel=0.03)
    assert figure.baselines["copy style donor"] == pytest.approx(pairs(c) / variance, rel=0.03)
    assert figure.baselines[RAW] == figure.baselines["copy content donor"]


def test_predicting_the_mean_is_an_error_of_one():
    world = World(joined, perfect, lambda f: np.zeros((len(f["what"]), 2 * WIDTH), np.float32))
    population = world.evidence.populations["unseen_content"]
    centred = replace(population, z=population.z - population.z.mean(0))
    evidence = replace(world.evidence, populations={"unseen_content": centred})
    figures = named(swap_error(evidence, SwapConfig(swaps=20_000)))
    assert figures["swap_error/unseen_content"].value == pytest.approx(1, abs=0.01)
    assert figures["swap_error/unseen_content"].baselines["additive rule"] is None  # no training contents here
    assert reconstruction(evidence)[0].value == pytest.approx(1, abs=1e-6)


def test_swaps_are_scored_in_pixels_against_the_true_picture():
    decode = lambda z: (z[:, None, None, :] + 4) / 8
    world = World(joined, halves, join, decode=decode)
    truth = {row: z for p in world.evidence.populations.values() for row, z in zip(p.rows.tolist(), p.z, strict=True)}
    images = lambda rows: decode(np.stack([truth[row] for row in rows.tolist()])) + 0.01
    figures = named(swap_error(replace(world.evidence, images=images)))
    pixels = figures["swap_error_pixels/unseen_content"]
    assert pixels.value == pytest.approx(pixels.baselines["decoded true latent"])
    assert pixels.value > 0
    assert pixels.protocol["against_decoded_true_latent"]["head"] == pytest.approx(0, abs=1e-9)
    rebuilt = named(reconstruction(replace(world.evidence, images=images)))["reconstruction_pixels/unseen_content"]
    assert rebuilt.value == pytest.approx(1e-4, rel=1e-3) == rebuilt.baselines[RAW]


def test_swaps_draw_only_cells_that_exist():
    world = World(joined, halves, join, repeats=2)
    full = world.evidence.populations["unseen_content"]
    kept = np.flatnonzero((full.labels["content"] * 3 + full.labels["style"]) % 4 > 0)
    sparse = only(full, kept)
    swaps = draw_swaps(sparse, n=3000, rng=np.random.default_rng(0))
    c, s = sparse.labels["content"], sparse.labels["style"]
    assert (c[swaps.content] != c[swaps.style]).all() and (s[swaps.content] != s[swaps.style]).all()
    assert (c[swaps.target] == c[swaps.content]).all() and (s[swaps.target] == s[swaps.style]).all()
    assert set(swaps.target.tolist()) == set(range(len(kept)))  # both samples of every cell come up


def test_swaps_without_cells_or_without_entangle_are_not_applicable():
    alone = World(joined, halves, join)
    population = alone.evidence.populations["unseen_content"]
    diagonal = np.flatnonzero(population.labels["content"] - 6 == population.labels["style"])
    lonely = only(population, diagonal)
    with pytest.raises(ProtocolError, match="swaps need cells"):
        draw_swaps(lonely, n=10, rng=np.random.default_rng(0))
    assert swap_error(replace(alone.evidence, populations={"unseen_content": lonely}))[0].value is None
    with pytest.raises(CapabilityError):
        swap_error(World(joined, halves).evidence)


def test_reconstruction_in_closed_form_beside_an_untrained_head():
    """A head that halves every latent, which have mean zero, loses a quarter; one that gives nothing loses all."""
    world = World(joined, lambda z, c, s: {"what": z / 2, "how": s}, lambda factors: factors["what"])
    population = world.evidence.populations["unseen_content"]
    z = population.z - population.z.mean(0)
    centred = replace(population, z=z, factors={"what": z / 2, "how": z}, random_factors={"what": 0 * z, "how": z})
    evidence = replace(
        world.evidence, populations={"unseen_content": centred}, random_entangle=lambda factors: factors["what"]
    )
    figure = named(reconstruction(evidence))["reconstruction/unseen_content"]
    assert figure.value == pytest.approx(0.25, rel=1e-6)
    assert figure.baselines == {RAW: 0.0, RANDOM: pytest.approx(1.0, rel=1e-6)}
    assert named(reconstruction(evidence))["reconstruction_pixels/unseen_content"].not_applicable


@pytest.mark.parametrize(
    "make", [lambda: FewShotConfig(ways=1), lambda: ProbesConfig(seeds=0), lambda: SwapConfig(swaps=10)]
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(ConfigError):
        make()

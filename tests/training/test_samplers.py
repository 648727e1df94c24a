"""Samplers against the labels: what is drawn is read back from latents that hold their own row number."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.stats import chi2

from unbraid.core.errors import ConfigError, LabelError
from unbraid.core.interfaces import Cells, Draws, Episodes, LatentSpec, SameClassPairs, Samples
from unbraid.core.latents import Latents
from unbraid.core.training import make_sampler

Make = Callable[..., Latents]

#: Rows a class: class 3 is too small for most, class 5 is empty, and every sixth row has no label.
SIZES = {0: 7, 1: 12, 2: 9, 3: 1, 4: 10, 6: 8}


def uneven() -> list[int]:
    labels = [label for label, size in SIZES.items() for _ in range(size)]
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [labels[i] for i in order]
    return [label for i, label in enumerate(shuffled) for label in ([label, -1] if i % 5 == 0 else [label])]


def sampler(spec: Any, latents: Latents) -> Callable[[int], Any]:
    draw = make_sampler(spec, {"default": latents})
    return lambda step: draw(Draws(0, "test", step))


def rows(z: torch.Tensor) -> torch.Tensor:
    return z.squeeze(-1).long()


def plausible(counts: torch.Tensor) -> bool:
    """Whether counts may come from equally likely cells (p > 1e-6)."""
    expected = counts.double().sum() / counts.numel()
    return chi2.sf(float(((counts - expected).square() / expected).sum()), counts.numel() - 1) > 1e-6


def test_samples_are_uniform_and_carry_their_labels(make_latents: Make) -> None:
    latents = make_latents(uneven())
    drawn = sampler(Samples(20_000), latents)(0)
    assert torch.equal(drawn.labels["content"], latents.labels["content"][rows(drawn.z)])
    assert plausible(torch.bincount(rows(drawn.z), minlength=len(latents)))
    assert (drawn.labels["content"] == -1).any(), "rows without a label are rows too"


def test_samples_with_a_label_are_uniform_among_those(make_latents: Make) -> None:
    latents = make_latents(uneven())
    drawn = sampler(Samples(20_000, label="content"), latents)(0)
    counts = torch.bincount(rows(drawn.z), minlength=len(latents))
    known = latents.labels["content"] >= 0
    assert not known.all() and not counts[~known].any() and plausible(counts[known])
    assert torch.equal(drawn.labels["content"], latents.labels["content"][rows(drawn.z)])


def test_samples_of_a_subset_stay_in_it(make_latents: Make) -> None:
    part = make_latents(uneven()).subset(torch.tensor([3, 5, 8, 13, 21]))
    drawn = sampler(Samples(500), part)(0)
    assert set(rows(drawn.z).tolist()) == {3, 5, 8, 13, 21}
    assert torch.equal(drawn.labels["content"], torch.tensor(uneven())[rows(drawn.z)])


def test_pairs_differ_and_share_their_class(make_latents: Make) -> None:
    labels = torch.tensor(uneven())
    pairs = sampler(SameClassPairs(20_000), make_latents(uneven()))(0)
    first, second = rows(pairs.first), rows(pairs.second)
    assert (first != second).all()
    assert torch.equal(labels[first], labels[second]) and torch.equal(labels[first], pairs.labels["content"])
    classes = torch.bincount(labels[first], minlength=7)
    assert classes[[3, 5]].tolist() == [0, 0], "a class of one row has no pairs"
    assert plausible(classes[[0, 1, 2, 4, 6]])
    of_class = torch.nonzero(labels == 0).squeeze(1)
    index = {int(row): i for i, row in enumerate(of_class)}
    ordered = [index[int(a)] * 7 + index[int(b)] for a, b in zip(first, second, strict=True) if labels[a] == 0]
    counts = torch.bincount(torch.tensor(ordered), minlength=49)
    assert plausible(counts[~torch.eye(7, dtype=torch.bool).flatten()])


def test_pairs_of_style(make_latents: Make) -> None:
    style = [0, 0, 1, 1, 2, 2, -1]
    pairs = sampler(SameClassPairs(200, label="style"), make_latents([0] * 7, style))(0)
    assert all(style[a] == style[b] >= 0 for a, b in zip(rows(pairs.first), rows(pairs.second), strict=True))


@pytest.mark.parametrize("query_classes", [None, 3, 1])
def test_episodes_hold_what_they_say(make_latents: Make, query_classes: int | None) -> None:
    labels = torch.tensor(uneven())
    spec = Episodes(ways=3, shots=2, queries=4, n=4000, query_classes=query_classes)
    episodes = sampler(spec, make_latents(uneven()))(0)
    support, query, target = rows(episodes.support), rows(episodes.query), episodes.target
    queries = 4 * (query_classes or 3)
    assert support.shape == (4000, 3, 2) and query.shape == target.shape == (4000, queries)
    assert spec.queries_per_episode == queries
    ways = labels[support]
    assert (ways == ways[..., :1]).all(), "the support rows of a way are of one class"
    assert (ways[..., 0].sort(1).values.diff(dim=1) > 0).all(), "the ways of an episode are different classes"
    assert torch.equal(labels[query], ways[..., 0].gather(1, target))
    everything = torch.cat([support.flatten(1), query], 1).sort(1).values
    assert (everything.diff(dim=1) > 0).all(), "no row is drawn twice, so support and query are disjoint"
    assert set(ways.unique().tolist()) == {0, 1, 2, 4, 6}, "classes with under 6 rows, and -1, are never drawn"
    per_way = torch.bincount(target.flatten(), minlength=3)
    assert torch.equal(per_way, per_way[:1].expand(3)) if queries == 12 else plausible(per_way / 4)


def test_ways_are_uniform_over_classes_and_places(make_latents: Make) -> None:
    content = [label for label in range(5) for _ in range(3)]
    episodes = sampler(Episodes(ways=2, shots=1, n=20_000), make_latents(content))(0)
    ways = torch.tensor(content)[rows(episodes.support)[..., 0]]
    counts = torch.bincount(ways[:, 0] * 5 + ways[:, 1], minlength=25)
    assert plausible(counts[~torch.eye(5, dtype=torch.bool).flatten()])


def test_cells_cross_two_contents_with_two_styles(make_latents: Make) -> None:
    grid = [(c, s) for c in range(5) for s in range(4) for _ in range(2) if (c, s) != (2, 1) and c != 3]
    content, style = [c for c, _ in grid] + [0, -1], [s for _, s in grid] + [-1, 2]
    latents = make_latents(content, style)
    cells = sampler(Cells(20_000), latents)(0)
    c = [latents.labels["content"][rows(z)] for z in cells]
    s = [latents.labels["style"][rows(z)] for z in cells]
    first, second, first_restyled, second_restyled = range(4)
    assert (c[first] != c[second]).all() and (s[first] != s[second]).all()
    assert torch.equal(c[first_restyled], c[first]) and torch.equal(s[first_restyled], s[second])
    assert torch.equal(c[second_restyled], c[second]) and torch.equal(s[second_restyled], s[first])
    assert set(c[first].tolist()) == {0, 1, 4}, "content 2 misses a style, 3 has no rows"
    complete = [row for row, (a, b) in enumerate(zip(content, style, strict=True)) if a in (0, 1, 4) and b >= 0]
    counts = torch.bincount(rows(cells.first), minlength=len(content))
    assert torch.nonzero(counts).squeeze(1).tolist() == complete and plausible(counts[complete])


def test_a_style_nobody_has_leaves_out_nothing(make_latents: Make) -> None:
    latents = make_latents([0, 0, 1, 1], [0, 2, 0, 2])
    cells = sampler(Cells(50), latents)(0)
    assert set(rows(cells.first).tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "spec", [Samples(16), SameClassPairs(16), Episodes(ways=3, shots=1, queries=2, n=8, query_classes=1)], ids=repr
)
def test_a_batch_is_a_function_of_seed_stream_and_step(make_latents: Make, spec: Any) -> None:
    def batch(seed: int, stream: str, step: int) -> list[torch.Tensor]:
        drawn = make_sampler(spec, {"default": make_latents(uneven())})(Draws(seed, stream, step))
        return [each for each in drawn if isinstance(each, torch.Tensor)]

    def same(*arguments: Any) -> bool:
        torch.rand(3)  # the global generator must not matter
        return all(torch.equal(a, b) for a, b in zip(batch(0, "train", 5), batch(*arguments), strict=True))

    assert same(0, "train", 5)
    assert not same(1, "train", 5) and not same(0, "other", 5) and not same(0, "train", 6)


def test_samples_of_a_posterior(make_latents: Make) -> None:
    latents = make_latents([0] * 4)
    wide = replace(latents, log_variance=torch.full((4, 1), 2.0).log())
    drawn = make_sampler(Samples(40_000), {"default": wide.with_mode("sample")})(Draws(0, "z", 0)).z
    assert abs(float(drawn.mean()) - 1.5) < 0.05 and abs(float(drawn.var()) - (1.25 + 2.0)) < 0.1
    assert set(sampler(Samples(100), wide)(0).z.flatten().tolist()) == {0.0, 1.0, 2.0, 3.0}


@pytest.mark.parametrize(
    ("spec", "content", "expected", "found"),
    [
        (SameClassPairs(4), [0, 1, 2], "1 classes of content with at least 2 rows", "0 such classes among 3"),
        (Episodes(ways=3, shots=1), [0, 0, 1, 1, 2], "3 classes of content with at least 2", "2 such classes among 3"),
        (Episodes(ways=2, shots=2, queries=3), [0] * 5 + [1] * 4, "2 classes of content with at least 5", "1 such"),
        (Episodes(ways=2, shots=1), [-1, -1, 0, 0], "2 classes", "1 such"),
        (Cells(4), [0, 0, 1, 1], "at least 2 contents that exist in at least 2 common styles", "0 complete contents"),
        (Samples(4), [], "at least one row", "0"),
        (Samples(4, label="content"), [-1, -1], "at least one row", "all are missing"),
    ],
    ids=repr,
)
def test_too_few_rows_or_classes(make_latents: Make, spec: Any, content: list[int], expected: str, found: str) -> None:
    latents = make_latents(content or [0])
    with pytest.raises(LabelError) as caught:
        make_sampler(spec, {"default": latents if content else latents.subset(torch.tensor([], dtype=torch.long))})
    assert expected in str(caught.value) and found in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize("spec", [SameClassPairs(4, label="style"), Episodes(ways=2, shots=1, label="style")], ids=repr)
def test_a_label_that_is_not_there(make_latents: Make, spec: Any) -> None:
    with pytest.raises(LabelError) as caught:
        make_sampler(spec, {"default": make_latents([0, 0, 1, 1])})
    assert "labels of role 'style'" in str(caught.value) and "labels of content" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "expected", "found"),
    [
        (Samples(4, domain="photo"), "one of default", "photo"),
        (Samples(0), ">= 1", "0"),
        (Episodes(ways=2, shots=0), ">= 1", "0"),
        (Episodes(ways=2, shots=1, query_classes=3), "1 .. 2", "3"),
        (Episodes(ways=2, shots=1, query_classes=0), "1 .. 2", "0"),
        ("rows", "Samples, SameClassPairs, Episodes or Cells", "rows"),
    ],
    ids=repr,
)
def test_specs_that_make_no_sense(make_latents: Make, spec: Any, expected: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_sampler(spec, {"default": make_latents([0, 0, 1, 1])})
    assert expected in str(caught.value) and found in str(caught.value)


class TestAttributes:
    """Further roles are drawn like content and style."""

    @staticmethod
    def latents() -> Latents:
        """Three rows of each of eight hats, in content classes that cut across them."""
        hat = torch.arange(24) // 3
        return Latents(
            mean=torch.arange(24.0).unsqueeze(1),
            log_variance=None,
            labels={"content": torch.arange(24) % 3, "hat": hat},
            spec=LatentSpec((1,)),
            classes={"content": 3, "hat": 8},
        )

    def test_episodes_and_pairs_are_of_one_hat(self) -> None:
        latents = self.latents()
        episodes = sampler(Episodes(5, 2, 1, n=50, label="hat"), latents)(0)
        support, query = (latents.labels["hat"][rows(z)] for z in (episodes.support, episodes.query))
        assert (support[..., 0] == support[..., 1]).all()
        assert torch.equal(support[..., 0].gather(1, episodes.target), query)
        assert all(len(set(ways.tolist())) == 5 for ways in support[..., 0])
        pairs = sampler(SameClassPairs(50, label="hat"), latents)(0)
        assert torch.equal(latents.labels["hat"][rows(pairs.first)], pairs.labels["hat"])
        assert torch.equal(latents.labels["hat"][rows(pairs.second)], pairs.labels["hat"])

    def test_samples_carry_every_role(self) -> None:
        latents = self.latents()
        drawn = sampler(Samples(100), latents.subset(torch.arange(5, 20)))(0)
        for role in ("content", "hat"):
            assert torch.equal(drawn.labels[role], latents.labels[role][rows(drawn.z)])

    def test_a_role_that_is_not_there_has_near_matches(self) -> None:
        with pytest.raises(LabelError, match=r"(?s)needs a hats label.*did you mean 'hat'"):
            sampler(Episodes(2, 1, label="hats"), self.latents())
        with pytest.raises(LabelError, match="less supervision"):
            sampler(SameClassPairs(2, label="moustache"), self.latents())

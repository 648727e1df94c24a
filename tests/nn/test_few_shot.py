import math

import pytest
import torch

from unbraid.core.nn import (
    RelationScorer,
    episode_cross_entropy,
    matching_log_probabilities,
    prototype_logits,
)

E, C, K, Q, D = 3, 4, 2, 5, 6


@pytest.fixture
def episodes():
    g = torch.Generator().manual_seed(0)
    return torch.randn(E, C, K, D, generator=g), torch.randn(E, Q, D, generator=g)


def test_prototypes_against_plain_loops(episodes):
    support, query = episodes
    logits = prototype_logits(support, query)
    assert logits.shape == (E, Q, C)
    for e in range(E):
        for q in range(Q):
            for c in range(C):
                prototype = [sum(support[e, c, k, d].item() for k in range(K)) / K for d in range(D)]
                distance = sum((query[e, q, d].item() - prototype[d]) ** 2 for d in range(D))
                assert logits[e, q, c].item() == pytest.approx(-distance, rel=1e-5)


def test_matching_against_plain_loops(episodes):
    support, query = episodes

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)

    found = matching_log_probabilities(support, query)
    for e in range(E):
        for q in range(Q):
            weights = [
                [math.exp(10 * cosine(query[e, q].tolist(), support[e, c, k].tolist())) for k in range(K)]
                for c in range(C)
            ]
            total = sum(map(sum, weights))
            for c in range(C):
                assert found[e, q, c].exp().item() == pytest.approx(sum(weights[c]) / total, rel=1e-4)


def test_relation_is_the_mean_score_over_shots(episodes):
    support, query = episodes
    scorer = RelationScorer(D).eval()
    logits = scorer.logits(support, query)
    for e in range(E):
        for q in range(Q):
            for c in range(C):
                pairs = [scorer(support[e, c, k][None], query[e, q][None]) for k in range(K)]
                torch.testing.assert_close(logits[e, q, c], torch.cat(pairs).mean(), rtol=1e-4, atol=1e-5)


def test_relation_widths_are_those_of_the_published_code():
    assert RelationScorer(12).network.widths == (24, 12, 6, 4, 3, 1)


def test_cross_entropy_of_normalised_log_probabilities_is_their_negative_mean(episodes):
    log_probabilities = matching_log_probabilities(*episodes)
    target = torch.randint(C, (E, Q))
    expected = -sum(log_probabilities[e, q, target[e, q]] for e in range(E) for q in range(Q)) / (E * Q)
    torch.testing.assert_close(episode_cross_entropy(log_probabilities, target), expected)

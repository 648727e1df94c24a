"""Scores of vector-valued factors: how content and style spread over them, from what fresh attackers read."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.blocks import completeness, disentanglement, gaps, modularity
from unbraid.core.evaluation.evidence import HEAD, Evidence
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval
from unbraid.core.evaluation.probe import Probed
from unbraid.plugins.metrics.readings import LABELS, ProbesConfig, Readings, read

Floats = npt.NDArray[np.floating]

#: Draws of the interval.
DRAWS = 500


def blocks(evidence: Evidence, config: ProbesConfig | None = None) -> Sequence[Figure]:
    """Score how content and style spread over the factors, each factor a block of numbers.

    From `I[b, j]`, the strongest attacker's accuracy of label j from factor b between guessing (0) and always right
    (1): selectivity, DCI's disentanglement and completeness, modularity. From the information in nats, as a share of
    the label's entropy: the gap of MIG. Scores of single numbers would miss what is spread over a factor.

    Args:
        evidence: the arrays.
        config: the attackers; the defaults are those of `probes`, which are then not trained twice.

    Returns:
        One figure a score, and a label where the score is of one.

    Raises:
        ProtocolError: the head has a single factor, or the data set a single label.
    """
    config = config or ProbesConfig()
    roles = list(evidence.roles.values())
    if len(set(roles) - {"rest"}) < 2:
        raise ProtocolError(
            "blocks need a factor of content and a factor of style",
            expected="factors of both roles",
            found=", ".join(f"{name} ({role})" for name, role in evidence.roles.items()),
            hint="a head of one factor is measured by few_shot and probes",
        )
    readings = [read(evidence, label, config) for label in LABELS]
    belongs = np.array([[(role == "content") == (label == "content") for label in LABELS] for role in roles])
    return [_figure(evidence, readings, name, score) for name, score in _scores(belongs).items()]


#: Source of the matrix, summary, and the score of (normalised accuracies, shares of the entropy).
Score = tuple[str, str, Callable[[Floats, Floats], float]]


def _scores(belongs: npt.NDArray[np.bool_]) -> dict[str, Score]:
    """Name -> score."""
    found: dict[str, Score] = {}
    for j, label in enumerate(LABELS):
        found[f"selectivity/{label}"] = (
            "normalised accuracy",
            f"Normalised accuracy of {label} in the factors it belongs in, less that in the others: 1 is best.",
            partial(_gap_of_accuracy, belongs=belongs, label=j),
        )
        found[f"block_mig/{label}"] = (
            "nats",
            f"Information about {label} in the factors it belongs in, less that in the others, by its entropy.",
            partial(_gap_of_nats, belongs=belongs, label=j),
        )
    scores = {"disentanglement": disentanglement, "completeness": completeness, "modularity": modularity}
    words = {
        "disentanglement": "DCI over blocks: does each factor speak of one label only?",
        "completeness": "DCI over blocks: is each label in one factor only?",
        "modularity": "Modularity over blocks: does each factor speak of one label only, all factors alike?",
    }
    for name, score in scores.items():
        key = f"block_{name}" if name == "modularity" else f"block_dci/{name}"
        found[key] = ("normalised accuracy", words[name], partial(_of_accuracy, score=score))
    return found


def _gap_of_accuracy(accuracy: Floats, _: Floats, *, belongs: npt.NDArray[np.bool_], label: int) -> float:
    return float(gaps(accuracy, belongs)[label])


def _gap_of_nats(_: Floats, nats: Floats, *, belongs: npt.NDArray[np.bool_], label: int) -> float:
    return float(gaps(nats, belongs)[label])


def _of_accuracy(accuracy: Floats, _: Floats, *, score: Callable[[Floats], float]) -> float:
    return score(accuracy)


def _figure(evidence: Evidence, readings: Sequence[Readings], name: str, score: Score) -> Figure:
    source, summary, function = score
    heads = {HEAD: [r.head for r in readings], RANDOM: [r.random for r in readings]}
    values = {whose: function(*_matrices(found)) for whose, found in heads.items() if all(found)}
    intervals = {whose: _interval(evidence, name, heads[whose], function) for whose in values}
    return Figure(
        name=name,
        value=values[HEAD],
        summary=summary,
        interval=intervals[HEAD],
        baselines={RAW: None, RANDOM: values.get(RANDOM)},
        baseline_intervals={RANDOM: intervals[RANDOM]} if RANDOM in intervals else {},
        unit="ratio",
        protocol=_protocol(evidence, heads[HEAD], source),
    )


def _matrices(found: Sequence[Mapping[str, Probed]]) -> tuple[Floats, Floats]:
    """Normalised accuracies and shares of the entropy, `(B, J)` each."""
    accuracy = [[probed.normalised for probed in label.values()] for label in found]
    nats = [[_share(probed.nats, probed) for probed in label.values()] for label in found]
    return np.array(accuracy).T, np.array(nats).T


def _share(nats: float, probed: Probed) -> float:
    return max(0.0, nats) / probed.entropy if probed.entropy > 0 else 0.0


def _interval(
    evidence: Evidence, name: str, found: Sequence[Mapping[str, Probed]], function: Callable[[Floats, Floats], float]
) -> Interval:
    """Parametric bootstrap: what other test samples would have read, each entry by itself."""
    rng = evidence.rng(f"blocks/{name}")
    drawn = []
    for _ in range(DRAWS):
        accuracy = [[_redrawn_accuracy(probed, rng) for probed in label.values()] for label in found]
        nats = [[_redrawn_nats(probed, rng) for probed in label.values()] for label in found]
        drawn.append(function(np.array(accuracy).T, np.array(nats).T))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return (float(low), float(high))


def _redrawn_accuracy(probed: Probed, rng: np.random.Generator) -> float:
    accuracy = rng.binomial(probed.n_test, min(1.0, probed.strongest.accuracy)) / probed.n_test
    return max(0.0, (accuracy - probed.majority) / (1 - probed.majority)) if probed.majority < 1 else 0.0


def _redrawn_nats(probed: Probed, rng: np.random.Generator) -> float:
    best = probed.best_coded
    return _share(probed.entropy - best.cross_entropy + best.cross_entropy_error * rng.normal(), probed)


def _protocol(evidence: Evidence, found: Sequence[Mapping[str, Probed]], source: str) -> dict[str, Any]:
    accuracy, nats = _matrices(found)
    return {
        "population": "train",
        "from": f"{source} of the strongest fresh attackers, as in the metric probes",
        "blocks": list(evidence.roles),
        "labels": list(LABELS),
        "normalised_accuracy": accuracy.tolist(),
        "share_of_entropy": nats.tolist(),
        "factor_mode": evidence.factor_mode,
        "random_head": evidence.no_random_head or "untrained",
        "raw latents": "a single block: nothing to compare",
        "belongs": "content in factors of role content, style in all others",
        "interval": "95 %, parametric bootstrap over test samples, attackers taken as independent",
    }

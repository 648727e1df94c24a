"""What is lost by taking a latent apart and putting it back together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Population, take
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.plugins.metrics.squared_error import Relative, mean_squared_error, relative_error

Array = npt.NDArray[np.floating]

#: Samples that are decoded at most: a decoder may be large.
DECODED = 1000


def reconstruction(evidence: Evidence) -> Sequence[Figure]:
    """Measure reconstruction on unseen contents: of latents, and of pixels where the backbone decodes.

    Args:
        evidence: the arrays.

    Returns:
        Two figures a population, `reconstruction/...` and `reconstruction_pixels/...`.

    Raises:
        CapabilityError: the head cannot entangle.
    """
    return [figure for population in evidence.unseen() for figure in _of(evidence, population)]


def _of(evidence: Evidence, population: Population) -> list[Figure]:
    entangle, groups = evidence.need_entangle(), population.label("content")
    rebuilt = entangle(population.factors)
    random = None
    if evidence.random_entangle and population.random_factors:
        random = relative_error(evidence.random_entangle(population.random_factors), population.z, groups)
    return [
        _latent(evidence, population, relative_error(rebuilt, population.z, groups), random),
        _pixels(evidence, population),
    ]


def _latent(evidence: Evidence, population: Population, head: Relative, random: Relative | None) -> Figure:
    return Figure(
        name=f"reconstruction/{population.name}",
        value=head.value,
        summary=f"Squared error of the rebuilt latent relative to its variance, {POPULATIONS[population.name]}.",
        interval=head.interval,
        chance=1.0,
        baselines={RAW: 0.0, RANDOM: random.value if random else None},
        baseline_intervals={RANDOM: random.interval} if random and random.interval else {},
        higher_is_better=False,
        unit="ratio",
        protocol=_protocol(population, len(population)) | {"random_head": evidence.no_random_head or "untrained"},
    )


def _pixels(evidence: Evidence, population: Population) -> Figure:
    name = f"reconstruction_pixels/{population.name}"
    summary = f"Mean squared pixel error of decode(entangle(disentangle(z))), {POPULATIONS[population.name]}."
    if evidence.decode is None or evidence.images is None:
        return Figure.absent(name, "the backbone cannot decode", summary=summary)
    rows = np.sort(evidence.rng(f"reconstruction/{population.name}").permutation(len(population))[:DECODED])
    groups, truth = population.label("content")[rows], evidence.images(population.rows[rows])
    rebuilt = evidence.need_entangle()(take(population.factors, rows))
    head = mean_squared_error(evidence.decode(rebuilt), truth, groups)
    raw = mean_squared_error(evidence.decode(population.z[rows]), truth, groups)
    random = _random_pixels(evidence, population, rows, truth)
    return Figure(
        name=name,
        value=head.value,
        summary=summary,
        interval=head.interval,
        chance=float(np.square(truth - truth.mean(0)).mean()),
        baselines={RAW: raw.value, RANDOM: random.value if random else None},
        baseline_intervals={RAW: raw.interval} if raw.interval else {},
        higher_is_better=False,
        unit="mse",
        protocol=_protocol(population, len(rows)) | {"raw latents": "decode(z), without the head"},
    )


def _random_pixels(
    evidence: Evidence, population: Population, rows: npt.NDArray[np.int64], truth: Array
) -> Relative | None:
    if evidence.random_entangle is None or evidence.decode is None or not population.random_factors:
        return None
    rebuilt = evidence.random_entangle(take(population.random_factors, rows))
    return mean_squared_error(evidence.decode(rebuilt), truth, population.label("content")[rows])


def _protocol(population: Population, samples: int) -> dict[str, object]:
    return {
        "population": population.name,
        "samples": samples,
        "contents": len(np.unique(population.label("content"))),
        "chance": "predicting the mean of these samples",
        "interval": "95 %, delta method over contents",
    }

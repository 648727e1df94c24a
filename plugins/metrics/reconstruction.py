"""What is lost by taking a latent apart and putting it back together."""

from collections.abc import Sequence

import numpy as np

from unbraid.core.errors import CapabilityError, ProtocolError
from unbraid.core.evaluation.evidence import HEAD, POPULATIONS, Evidence, Population, take
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.plugins.metrics.squared_error import mean_squared_error, relative_error

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
    return [_latent(evidence, population), _pixels(evidence, population)]


def _latent(evidence: Evidence, population: Population) -> Figure:
    name, where = f"reconstruction/{population.name}", POPULATIONS[population.name]
    summary = f"Squared error of the rebuilt latent relative to its variance, {where}."
    try:
        found = {
            whose: relative_error(entangle(factors), population.z, population.groups())
            for whose, (entangle, factors) in evidence.entanglers(population).items()
        }
    except ProtocolError as error:
        return Figure.absent(name, str(error), summary=summary)
    head, random = found[HEAD], found.get(RANDOM)
    return Figure(
        name=name,
        value=head.value,
        summary=summary,
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
    try:
        decode, images = evidence.need_decode(), evidence.need_images()
    except CapabilityError as error:
        return Figure.absent(name, str(error), summary=summary)
    rows = np.sort(evidence.rng(f"reconstruction/{population.name}").permutation(len(population))[:DECODED])
    groups, truth = population.groups()[rows], images(population.rows[rows])
    made = {whose: entangle(take(own, rows)) for whose, (entangle, own) in evidence.entanglers(population).items()}
    made[RAW] = population.z[rows]
    found = {whose: mean_squared_error(decode(z), truth, groups) for whose, z in made.items()}
    head, random = found[HEAD], found.get(RANDOM)
    return Figure(
        name=name,
        value=head.value,
        summary=summary,
        interval=head.interval,
        chance=float(np.square(truth - truth.mean(0)).mean()),
        baselines={RAW: found[RAW].value, RANDOM: random.value if random else None},
        baseline_intervals={whose: each.interval for whose, each in found.items() if each.interval and whose != HEAD},
        higher_is_better=False,
        unit="mse",
        protocol=_protocol(population, len(rows)) | {"raw latents": "decode(z), without the head"},
    )


def _protocol(population: Population, samples: int) -> dict[str, object]:
    return {
        "population": population.name,
        "samples": samples,
        "contents": len(np.unique(population.groups()[population.groups() >= 0])),
        "chance": "predicting the mean of these samples",
        "interval": "95 %, delta method over contents; unlabelled samples count by themselves",
    }

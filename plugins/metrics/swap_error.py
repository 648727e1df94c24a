"""Swap error: content in another style against the true sample, beside the simplest rules on the same draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import CapabilityError, ConfigError, ProtocolError
from unbraid.core.evaluation.evidence import HEAD, POPULATIONS, Evidence, Population, take
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.intervals import ratio_interval
from unbraid.plugins.metrics.squared_error import Relative, relative_error
from unbraid.plugins.metrics.swaps import Swaps, additive, draw_swaps, right_cell, style_means

Array = npt.NDArray[np.floating]

#: What the rules are called that the head's own prediction is compared with.
RECONSTRUCTION = "reconstruction"
COPY_CONTENT = "copy content donor"
COPY_STYLE = "copy style donor"
ADDITIVE = "additive rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapConfig:
    """How many swaps are drawn.

    Args:
        swaps: scored in latents.
        decoded: of these, scored in pixels too.
    """

    swaps: int = 1000
    decoded: int = 256

    def __post_init__(self) -> None:
        if self.swaps < 2 or not 2 <= self.decoded <= self.swaps:
            raise ConfigError("swap error needs two swaps at least, and decodes some of them", found=self)


def swap_error(evidence: Evidence, config: SwapConfig | None = None) -> Sequence[Figure]:
    """Measure swaps on unseen contents, in seen and in unseen styles.

    For cells (c, s) and (c', s') the prediction is `entangle(content of (c, s), everything else of (c', s'))` and the
    target the latent of (c, s'). Error `mean ||z~ - t||^2 / mean ||t - mean(t)||^2` in standardised latents: 1.0 is
    predicting the mean.

    Args:
        evidence: the arrays.
        config: the draws.

    Returns:
        Error, share of right cells and pixel error of each population.

    Raises:
        CapabilityError: the head cannot entangle.
    """
    config = config or SwapConfig()
    evidence.need_entangle()
    return [figure for population in evidence.unseen() for figure in _of(evidence, population, config)]


def _of(evidence: Evidence, population: Population, config: SwapConfig) -> list[Figure]:
    try:
        rng = evidence.rng(f"swap_error/{population.name}")
        swaps = draw_swaps(population, n=config.swaps, rng=rng)
        rules = _rules(evidence, population, swaps)
        return [
            _error(evidence, population, swaps, rules),
            _right_cell(evidence, population, swaps, rules),
            _pixels(evidence, population, swaps, rules, config.decoded),
        ]
    except ProtocolError as error:
        return [Figure.absent(f"swap_error/{population.name}", str(error), summary=_summary(population))]


def _rules(evidence: Evidence, population: Population, swaps: Swaps) -> dict[str, Array | None]:
    """What the head and every simple rule predict for each swap, `(n, D)`; None where a rule does not exist."""
    heads = evidence.entanglers(population)
    swapped = {
        whose: entangle(evidence.transfer(take(factors, swaps.content), take(factors, swaps.style)))
        for whose, (entangle, factors) in heads.items()
    }
    entangle, factors = heads[HEAD]
    return {
        HEAD: swapped[HEAD],
        RECONSTRUCTION: entangle(take(factors, swaps.content)),
        COPY_CONTENT: population.z[swaps.content],
        COPY_STYLE: population.z[swaps.style],
        ADDITIVE: additive(population, swaps, style_means(evidence)),
        RANDOM: swapped.get(RANDOM),
    }


def _error(evidence: Evidence, population: Population, swaps: Swaps, rules: Mapping[str, Array | None]) -> Figure:
    groups = population.label("content")[swaps.target]
    wanted = {rule: swaps.content if rule == RECONSTRUCTION else swaps.target for rule in rules}
    errors = {
        rule: relative_error(predicted, population.z[wanted[rule]], groups)
        for rule, predicted in rules.items()
        if predicted is not None
    }
    return Figure(
        name=f"swap_error/{population.name}",
        value=errors[HEAD].value,
        summary=_summary(population),
        interval=errors[HEAD].interval,
        chance=1.0,
        baselines=_baselines(errors, rules),
        baseline_intervals=_intervals(errors),
        higher_is_better=False,
        unit="ratio",
        protocol=_protocol(evidence, population, len(swaps.target)),
        headline=f"swap error (0 is perfect, 1 is predicting the mean), {POPULATIONS[population.name]}",
    )


def _right_cell(evidence: Evidence, population: Population, swaps: Swaps, rules: Mapping[str, Array | None]) -> Figure:
    groups = population.label("content")[swaps.target]
    shares: dict[str, Relative] = {}
    for rule, predicted in rules.items():
        if predicted is not None and rule != RECONSTRUCTION:
            right = right_cell(predicted, population, swaps)
            shares[rule] = Relative(float(right.mean()), ratio_interval(right, np.ones(len(right)), groups, most=1))
    pairs = np.stack([population.label("content"), population.label("style")])
    cells = np.unique(pairs[:, (pairs >= 0).all(0)], axis=1).shape[1]
    return Figure(
        name=f"swap_right_cell/{population.name}",
        value=shares[HEAD].value,
        summary=f"Share of swaps whose nearest true sample is of the right cell, {POPULATIONS[population.name]}.",
        interval=shares[HEAD].interval,
        chance=1 / cells,
        baselines=_baselines(shares, {rule: p for rule, p in rules.items() if rule != RECONSTRUCTION}),
        baseline_intervals=_intervals(shares),
        protocol=_protocol(evidence, population, len(swaps.target)) | {"cells": cells, "chance": "one of the cells"},
    )


def _pixels(
    evidence: Evidence, population: Population, swaps: Swaps, rules: Mapping[str, Array | None], decoded: int
) -> Figure:
    name = f"swap_error_pixels/{population.name}"
    summary = f"Squared pixel error of the decoded swap against the true picture, {POPULATIONS[population.name]}."
    try:
        decode, images = evidence.need_decode(), evidence.need_images()
    except CapabilityError as error:
        return Figure.absent(name, str(error), summary=summary)
    target = swaps.target[:decoded]
    truth, ideal = images(population.rows[target]), decode(population.z[target])
    groups = population.label("content")[target]
    pictures = {
        rule: decode(predicted[:decoded])
        for rule, predicted in rules.items()
        if predicted is not None and rule != RECONSTRUCTION
    }
    errors = {rule: relative_error(picture, truth, groups) for rule, picture in pictures.items()}
    errors["decoded true latent"] = relative_error(ideal, truth, groups)
    against_decoded = {rule: relative_error(picture, ideal, groups).value for rule, picture in pictures.items()}
    return Figure(
        name=name,
        value=errors[HEAD].value,
        summary=summary,
        interval=errors[HEAD].interval,
        chance=1.0,
        baselines=_baselines(errors, {rule: p for rule, p in rules.items() if rule != RECONSTRUCTION}),
        baseline_intervals=_intervals(errors),
        higher_is_better=False,
        unit="ratio",
        protocol=_protocol(evidence, population, len(target)) | {"against_decoded_true_latent": against_decoded},
    )


def _baselines(found: Mapping[str, Relative], rules: Mapping[str, Array | None]) -> dict[str, float | None]:
    names = [*(found.keys() - rules.keys()), *rules]
    values = {name: found[name].value if name in found else None for name in names if name != HEAD}
    # without a head there is nothing to swap: what raw latents offer is copying a donor
    return {RAW: values.get(COPY_CONTENT)} | values


def _intervals(found: Mapping[str, Relative]) -> dict[str, tuple[float, float]]:
    return {name: each.interval for name, each in found.items() if name != HEAD and each.interval}


def _summary(population: Population) -> str:
    return (
        f"Squared error of a swapped latent relative to the variance of the true ones, {POPULATIONS[population.name]}."
    )


def _protocol(evidence: Evidence, population: Population, swaps: int) -> dict[str, object]:
    return {
        "population": population.name,
        "swaps": swaps,
        "contents": len(np.unique(population.label("content"))),
        "styles": len(np.unique(population.label("style"))),
        "latents": "standardised with the training latents",
        "chance": "predicting the mean of the targets",
        "additive_rule": "style means over training contents",
        "random_head": evidence.no_random_head or "same configuration, untrained",
        "raw latents": "copying the content donor: without factors there is nothing else to swap",
        "interval": "95 %, delta method over contents",
    }

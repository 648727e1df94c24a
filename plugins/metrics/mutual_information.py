"""Mutual information between factors, by fresh critics after training."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation.evidence import HEAD, Evidence, Factors
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure
from unbraid.core.evaluation.mutual_information import CriticSettings, Estimate
from unbraid.core.evaluation.mutual_information import mutual_information as estimate

Array = npt.NDArray[np.floating]
SHUFFLED = "shuffled pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutualInformationConfig:
    """How critics are trained.

    Args:
        samples: used at most, drawn at random from all populations.
        steps: training steps of each critic.
    """

    samples: int = 20_000
    steps: int = 500

    def __post_init__(self) -> None:
        if self.samples < 20 or self.steps < 100:
            raise ConfigError("critics need 20 samples and 100 steps at least", found=self)


def mutual_information(evidence: Evidence, config: MutualInformationConfig | None = None) -> Sequence[Figure]:
    """Estimate the mutual information of each two factors, on samples the critic never saw.

    A critic used in training is never a result: these are fresh. Beside it the same of the untrained head, and of
    pairs in random order, which share nothing.

    Args:
        evidence: the arrays.
        config: the critics.

    Returns:
        One figure a pair of factors.

    Raises:
        ProtocolError: the head has a single factor, or there are too few samples.
    """
    config = config or MutualInformationConfig()
    if len(evidence.roles) < 2:
        raise ProtocolError(
            "mutual information is between factors",
            expected="two factors",
            found=", ".join(evidence.roles),
            hint="a head of one factor is measured by few_shot and probes",
        )
    populations = [population for population in evidence.populations.values() if len(population)]
    populations = populations or [evidence.population("train")]
    heads = {HEAD: [population.factors for population in populations]}
    if all(population.random_factors for population in populations):
        heads[RANDOM] = [population.random_factors for population in populations]
    return [_figure(evidence, pair, heads, config) for pair in itertools.combinations(evidence.roles, 2)]


def _figure(
    evidence: Evidence, pair: tuple[str, str], heads: dict[str, list[Factors]], config: MutualInformationConfig
) -> Figure:
    settings = CriticSettings(steps=config.steps)
    found = {
        whose: _estimate(evidence, _codes(evidence, parts, pair, config), settings) for whose, parts in heads.items()
    }
    first, second = _codes(evidence, heads[HEAD], pair, config)
    order = evidence.rng("mutual_information/shuffled").permutation(len(second))
    found[SHUFFLED] = _estimate(evidence, (first, second[order]), settings)
    head = found[HEAD]
    return Figure(
        name=f"mutual_information/{'/'.join(pair)}",
        value=head.told,
        at_least=head.at_least,
        summary=f"Information factors {' and '.join(pair)} share, a lower bound in nats by a fresh critic.",
        chance=0.0,
        baselines={RAW: None, RANDOM: None} | {whose: each.told for whose, each in found.items() if whose != HEAD},
        higher_is_better=False,
        unit="nats",
        protocol={
            "population": ", ".join(evidence.populations),
            "critics": {
                whose: asdict(each) | {"quarter": list(each.quarter), "samples": list(each.samples)}
                for whose, each in found.items()
            },
            "trusted_up_to_nats": head.trusted,
            "reads": "at least so much: more than its test samples can tell" if head.at_least else "a lower bound",
            "bound": "Donsker-Varadhan on held-out samples; mean over the quarter"
            " of the run where validation was highest",
            "split": "by sample",
            "settings": asdict(settings),
            "factor_mode": evidence.factor_mode,
            "random_head": evidence.no_random_head or "untrained",
            "raw latents": "not taken apart",
            SHUFFLED: "the same factors, second ones in random order: what is found in nothing",
            "interval": "none: `spread` is the deviation within the quarter",
        },
    )


def _estimate(evidence: Evidence, codes: tuple[Array, Array], settings: CriticSettings) -> Estimate:
    return estimate(*codes, seed=evidence.seed, settings=settings, device=evidence.device)


def _codes(
    evidence: Evidence, parts: list[Factors], pair: tuple[str, str], config: MutualInformationConfig
) -> tuple[Array, Array]:
    first, second = (np.concatenate([part[name] for part in parts]) for name in pair)
    rows = evidence.rng("mutual_information/samples").permutation(len(first))[: config.samples]
    return first[rows], second[rows]

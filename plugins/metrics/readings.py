"""What fresh attackers read from every code of an evaluation, computed once and shared by the metrics that need it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ConfigError
from unbraid.core.evaluation.evidence import HEAD, Evidence, Factors, Population
from unbraid.core.evaluation.figure import RANDOM, RAW
from unbraid.core.evaluation.probe import Probed, ProbeSettings, probe

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
LABELS = ("content", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesConfig:
    """How attackers are trained.

    Args:
        samples: training samples used at most, drawn at random.
        seeds: attackers of each kind that is trained.
        epochs: passes over the samples.
        hidden: width of the two-layer attacker.
        draws: draws of each sample the attackers see where factors are sampled, not means.
    """

    samples: int = 20_000
    seeds: int = 3
    epochs: int = 20
    hidden: int = 256
    draws: int = 4

    def __post_init__(self) -> None:
        if min(self.samples, self.seeds, self.epochs, self.hidden, self.draws) < 1:
            raise ConfigError("attackers need one sample, seed, epoch, hidden unit and draw at least", found=self)

    @property
    def settings(self) -> ProbeSettings:
        """The budget of one probe."""
        return ProbeSettings(hidden=self.hidden, epochs=self.epochs, seeds=self.seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What was read of one label.

    Args:
        head: factor -> what was read from it.
        random: the same of the untrained head; empty where there is none.
        shuffled: the same of the trained head with shuffled labels, one seed: what the procedure finds in nothing.
        raw: from the raw latents.
        alone: classes left out because they have a single sample, which cannot be on both sides of a split.
    """

    head: Mapping[str, Probed]
    random: Mapping[str, Probed]
    shuffled: Mapping[str, Probed]
    raw: Probed
    alone: int


def labels_of(evidence: Evidence) -> tuple[str, ...]:
    """Give the roles of the labels to attack: content, style and every attribute of the data set."""
    return tuple(dict.fromkeys((*LABELS, *evidence.population("train").labels)))


def read(evidence: Evidence, label: str, config: ProbesConfig) -> Readings:
    """Attack raw latents, factors and factors of the untrained head for a label, on the training classes.

    Args:
        evidence: the arrays.
        label: `content`, `style` or an attribute.
        config: the attackers.

    Raises:
        ProtocolError: there is no such label, or too few samples of a class.
    """
    key = ("readings", label, config)
    if key not in evidence.shared:
        evidence.shared[key] = _read(evidence, label, config)
    found: Readings = evidence.shared[key]
    return found


def _read(evidence: Evidence, label: str, config: ProbesConfig) -> Readings:
    population = evidence.population("train")
    labels = population.label(label)
    rows, alone = _rows(evidence, labels, config.samples)
    codes = {key: code[..., rows, :] for key, code in _codes(evidence, population, config).items()}
    found = probe(codes, labels[rows], seed=evidence.seed, settings=config.settings, device=evidence.device)
    shuffled = evidence.rng(f"probes/shuffled/{label}").permutation(labels[rows])
    control = probe(
        {key: code for key, code in codes.items() if key[0] == HEAD},
        shuffled,
        seed=evidence.seed,
        settings=ProbeSettings(hidden=config.hidden, epochs=config.epochs, seeds=1),
        device=evidence.device,
    )
    return Readings(
        head=_of(found, HEAD), random=_of(found, RANDOM), shuffled=_of(control, HEAD), raw=found[RAW, ""], alone=alone
    )


def _of(found: Mapping[tuple[str, str], Probed], whose: str) -> dict[str, Probed]:
    return {name: probed for (owner, name), probed in found.items() if owner == whose}


def _rows(evidence: Evidence, labels: Ints, most: int) -> tuple[Ints, int]:
    """Draw labelled samples; those alone in their class are left out and counted."""
    known = np.flatnonzero(labels >= 0)
    rows = np.sort(evidence.rng("probes/samples").permutation(known)[:most])
    classes, counts = np.unique(labels[rows], return_counts=True)
    return rows[np.isin(labels[rows], classes[counts > 1])], int((counts == 1).sum())


def _codes(evidence: Evidence, population: Population, config: ProbesConfig) -> dict[tuple[str, str], Array]:
    draws: list[tuple[Factors, Factors]] = [(population.factors, population.random_factors)]
    if evidence.redraw is not None:
        draws += [evidence.redraw(population.name, draw) for draw in range(1, config.draws)]
    codes = {(RAW, ""): population.z}
    for position, whose in enumerate((HEAD, RANDOM)):
        names = draws[0][position]
        codes |= {(whose, name): np.stack([draw[position][name] for draw in draws]) for name in names}
    return codes

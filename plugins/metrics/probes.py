"""What fresh attackers read from each factor: alignment where it belongs there, leakage where it does not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation.evidence import Evidence, Population
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval
from unbraid.core.evaluation.intervals import wilson_interval
from unbraid.core.evaluation.probe import Probed, ProbeSettings, probe
from unbraid.core.interfaces.specs import Role

Array = npt.NDArray[np.floating]
LABELS = ("content", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesConfig:
    """How attackers are trained.

    Args:
        samples: training samples used at most, drawn at random.
        seeds: attackers of each kind.
        epochs: passes over the samples.
        hidden: width of the two-layer attacker.
    """

    samples: int = 20_000
    seeds: int = 3
    epochs: int = 20
    hidden: int = 256

    def __post_init__(self) -> None:
        if min(self.samples, self.seeds, self.epochs, self.hidden) < 1:
            raise ConfigError("attackers need one sample, seed, epoch and hidden unit at least", found=self)


def probes(evidence: Evidence, config: ProbesConfig | None = None) -> Sequence[Figure]:
    """Attack every factor for every label: linear and two-layer classifiers trained after the fact.

    Within the training classes, split by sample. Content read from a style factor is leakage, and so is style read
    from a content factor; what belongs there is alignment. A factor of role `rest` travels with style and counts as
    style.

    Args:
        evidence: the arrays.
        config: the attackers.

    Returns:
        One figure a factor and label: test accuracy of the strongest attacker.
    """
    config = config or ProbesConfig()
    population = evidence.population("train")
    return [figure for label in LABELS for figure in _of(evidence, population, label, config)]


def _of(evidence: Evidence, population: Population, label: str, config: ProbesConfig) -> list[Figure]:
    settings = ProbeSettings(hidden=config.hidden, epochs=config.epochs, seeds=config.seeds)
    try:
        labels = population.label(label)
        rows = _rows(evidence, labels, config.samples)
        codes = {key: code[rows] for key, code in _codes(population).items()}
        found = probe(codes, labels[rows], seed=evidence.seed, settings=settings, device=evidence.device)
    except ProtocolError as error:
        return [
            Figure.absent(_name(role, label, name), str(error), summary=_summary(role, label, name), factor=name)
            for name, role in evidence.roles.items()
        ]
    return [_figure(evidence, name, label, found, settings) for name in evidence.roles]


def _rows(evidence: Evidence, labels: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    known = np.flatnonzero(labels >= 0)
    return np.sort(evidence.rng("probes/samples").permutation(known)[:most])


def _codes(population: Population) -> dict[tuple[str, str], Array]:
    codes = {(RAW, ""): population.z}
    codes |= {("head", name): factor for name, factor in population.factors.items()}
    return codes | {(RANDOM, name): factor for name, factor in population.random_factors.items()}


def _figure(
    evidence: Evidence, name: str, label: str, found: dict[tuple[str, str], Probed], settings: ProbeSettings
) -> Figure:
    role = evidence.roles[name]
    head, raw, random = found["head", name], found[RAW, ""], found.get((RANDOM, name))
    belongs = _belongs(role, label)
    baselines = {RAW: raw, RANDOM: random}
    return Figure(
        name=_name(role, label, name),
        value=head.strongest.accuracy,
        summary=_summary(role, label, name),
        interval=_interval(head),
        chance=head.majority,
        baselines={key: each.strongest.accuracy if each else None for key, each in baselines.items()},
        baseline_intervals={key: _interval(each) for key, each in baselines.items() if each},
        higher_is_better=belongs,
        factor=name,
        protocol=_protocol(head, raw, settings) | {"random_head": evidence.no_random_head or "untrained"},
        headline=f"a fresh attacker reads {label} from {name}" if label == "content" else "",
    )


def _interval(probed: Probed) -> Interval:
    return wilson_interval(probed.strongest.accuracy, probed.n_test)


def _protocol(head: Probed, raw: Probed, settings: ProbeSettings) -> dict[str, Any]:
    attacks = {attack.kind: asdict(attack) | {"accuracies": list(attack.accuracies)} for attack in head.attacks}
    chance = 1 / head.classes
    return {
        "population": "train",
        "split": "by sample within each training class",
        "classes": head.classes,
        "train_samples": head.n_train,
        "test_samples": head.n_test,
        "chance": "always guessing the most frequent class",
        "uniform_chance": chance,
        "strongest": head.strongest.kind,
        "normalised": (head.strongest.accuracy - head.majority) / (1 - head.majority) if head.majority < 1 else None,
        "information_nats": head.nats,
        "information_nats_raw": raw.nats,
        "label_entropy_nats": head.entropy,
        "attacks": attacks,
        "settings": asdict(settings),
        "interval": "95 %, Wilson over test samples; value is the mean over seeds",
    }


def _belongs(role: Role, label: str) -> bool:
    return (role == "content") == (label == "content")


def _name(role: Role, label: str, factor: str) -> str:
    return f"{'alignment' if _belongs(role, label) else 'leakage'}/{factor}/{label}"


def _summary(role: Role, label: str, factor: str) -> str:
    what = "as it should be" if _belongs(role, label) else "leakage: at chance is best"
    return f"Share of {label} labels that the strongest fresh attacker reads from factor {factor} ({what})."

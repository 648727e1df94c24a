"""What fresh attackers read from each factor: alignment where it belongs there, leakage where it does not."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.evidence import Evidence
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval
from unbraid.core.evaluation.intervals import wilson_interval
from unbraid.core.evaluation.probe import Probed
from unbraid.plugins.metrics.readings import ProbesConfig, Readings, labels_of, read

__all__ = ["ProbesConfig", "probes"]

#: What the same attackers find where there is nothing to find.
SHUFFLED = "shuffled labels"


def probes(evidence: Evidence, config: ProbesConfig | None = None) -> Sequence[Figure]:
    """Attack every factor for every label: linear and two-layer classifiers and nearest neighbours, after the fact.

    Within the training classes, split by sample. Content read from a style factor is leakage, and so is style read
    from a content factor; what belongs there is alignment. A factor of role `rest` travels with style and counts as
    style. An attribute belongs in the factor trained on it and leaks from all others. The same attackers run on shuffled labels too, for what they find in nothing.

    Args:
        evidence: the arrays.
        config: the attackers.

    Returns:
        One figure a factor and label: test accuracy of the strongest attacker.
    """
    config = config or ProbesConfig()
    return [figure for label in labels_of(evidence) for figure in _of(evidence, label, config)]


def _of(evidence: Evidence, label: str, config: ProbesConfig) -> list[Figure]:
    try:
        found = read(evidence, label, config)
    except ProtocolError as error:
        return [
            Figure.absent(
                _name(evidence, label, name), str(error), summary=_summary(evidence, label, name), factor=name
            )
            for name in evidence.roles
        ]
    return [_figure(evidence, name, label, found, config) for name in evidence.roles]


def _figure(evidence: Evidence, name: str, label: str, found: Readings, config: ProbesConfig) -> Figure:
    head = found.head[name]
    baselines = {RAW: found.raw, RANDOM: found.random.get(name), SHUFFLED: found.shuffled[name]}
    return Figure(
        name=_name(evidence, label, name),
        value=head.strongest.accuracy,
        summary=_summary(evidence, label, name),
        interval=_interval(head),
        chance=head.majority,
        baselines={key: each.strongest.accuracy if each else None for key, each in baselines.items()},
        baseline_intervals={key: _interval(each) for key, each in baselines.items() if each},
        higher_is_better=evidence.belongs(name, label),
        factor=name,
        protocol=_protocol(evidence, head, config)
        | {"information_nats": _nats(baselines, head), "classes_of_one_sample_left_out": found.alone},
        headline=f"a fresh attacker reads {label} from {name}" if label == "content" else "",
    )


def _interval(probed: Probed) -> Interval:
    return wilson_interval(probed.strongest.accuracy, probed.n_test)


def _protocol(evidence: Evidence, head: Probed, config: ProbesConfig) -> dict[str, Any]:
    attacks = {attack.kind: asdict(attack) | {"accuracies": list(attack.accuracies)} for attack in head.attacks}
    return {
        "population": "train",
        "split": "by sample within each training class",
        "classes": head.classes,
        "train_samples": head.n_train,
        "test_samples": head.n_test,
        "chance": "always guessing the most frequent class",
        "uniform_chance": 1 / head.classes,
        "factor_mode": evidence.factor_mode,
        "draws": config.draws if evidence.redraw else 1,
        "random_head": evidence.no_random_head or "untrained",
        "strongest": head.strongest.kind,
        "normalised": (head.strongest.accuracy - head.majority) / (1 - head.majority) if head.majority < 1 else None,
        "label_entropy_nats": head.entropy,
        "attacks": attacks,
        "settings": asdict(config.settings),
        "shuffled labels": "the same attackers, one seed, on labels in random order",
        "interval": "95 %, Wilson over test samples; value is the mean over seeds",
    }


def _nats(baselines: dict[str, Probed | None], head: Probed) -> dict[str, float]:
    """Lower bounds of the information about the label: of the factor, and of what it is compared with."""
    return {"factor": head.nats} | {name: probed.nats for name, probed in baselines.items() if probed}


def _name(evidence: Evidence, label: str, factor: str) -> str:
    return f"{'alignment' if evidence.belongs(factor, label) else 'leakage'}/{factor}/{label}"


def _summary(evidence: Evidence, label: str, factor: str) -> str:
    what = "as it should be" if evidence.belongs(factor, label) else "leakage: at chance is best"
    return f"Share of {label} labels that the strongest fresh attacker reads from factor {factor} ({what})."

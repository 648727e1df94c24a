"""A metric for every check of metrics that breaks its promise; each is a plain one with one mistake."""

import numpy as np
from broken import Broken

from unbraid.core.evaluation import Figure
from unbraid.registry import MetricSpec
from unbraid.registry.conformance.held import hold

ALL: dict[str, Broken] = {}


def share(**changes):
    """A figure that is as it should be, but for the changes."""
    good = {
        "name": "spread/what",
        "value": 0.5,
        "summary": "Half of it.",
        "chance": 0.25,
        "interval": (0.4, 0.6),
        "protocol": {"samples": 3},
    }
    return Figure(**{**good, **changes})


def breaks(check, *implies):
    """Enter a metric."""

    def enter(metric):
        ALL[check] = Broken(make=lambda: metric, implies=implies)
        return metric

    return enter


@breaks("contract.measures")
def nothing(evidence):
    return []


def fine(evidence):
    return [share()]


ALL["contract.needs"] = Broken(
    make=lambda: MetricSpec(name="broken", target=hold(fine), summary="broken", needs=frozenset({"paint"}))
)


@breaks("contract.names")
def twice(evidence):
    return [share(), share()]


@breaks("contract.files", "evidence.repeats")
def arrays(evidence):
    return [share(protocol={"samples": np.arange(3)})]


@breaks("figures.in-company")
def alone(evidence):
    return [share(chance=None)]


@breaks("figures.intervals")
def elsewhere(evidence):
    return [share(interval=(0.6, 0.7))]


@breaks("figures.shares")
def percent(evidence):
    return [share(value=50.0, interval=(40.0, 60.0))]


@breaks("evidence.repeats")
def dice(evidence):
    value = float(np.random.default_rng().uniform(0.45, 0.55))
    return [share(value=value)]


@breaks("evidence.untouched")
def scales(evidence):
    for population in evidence.populations.values():
        population.z[:] *= 2
    return [share()]


@breaks("evidence.unlabelled")
def trusts_labels(evidence):
    label = evidence.unseen()[0].labels["content"]
    return [share(protocol={"first": int(label[label >= 0][0])})]


@breaks("evidence.bare")
def trusts_the_head(evidence):
    evidence.entangle(evidence.unseen()[0].factors)
    return [share()]


@breaks("evidence.one-sample")
def trusts_the_number(evidence):
    z = evidence.unseen()[0].z
    return [share(protocol={"second": float(z[1, 0])})]

"""A metric under check."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from unbraid.core.catalogue import config_for
from unbraid.core.evaluation import Evidence, Figure, Population
from unbraid.registry import MetricSpec, import_target
from unbraid.registry.conformance.case import PluginCase, spec_name
from unbraid.registry.conformance.check import Kind
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.shared import shared
from unbraid.registry.conformance.toys.evidence import toy_evidence


class MetricCase(PluginCase):
    """A metric, with everything its checks share.

    Args:
        subject: name or `MetricSpec`, or the function `(evidence) -> Sequence[Figure]`.
        settings: of the metric.
    """

    kind: ClassVar[Kind] = "metric"

    def declare(self) -> MetricSpec:
        """Declare a function that was handed over."""
        return MetricSpec(name=spec_name(self.subject), target=hold(self.subject), summary="checked")

    def measure(self, evidence: Evidence) -> Sequence[Figure]:
        """Run it."""
        target: Callable[..., Any] = import_target(self.entry)
        config = config_for(self.entry, self.settings)
        found: Sequence[Figure] = target(evidence) if config is None else target(evidence, config)
        return found

    @cached_property
    def evidence(self) -> Evidence:
        """Evidence with everything a metric can ask for."""
        return toy_evidence()

    @shared("contract.measures")
    def figures(self) -> Sequence[Figure]:
        """What it measures on it."""
        return self.measure(self.evidence)

    @cached_property
    def measured_again(self) -> tuple[Sequence[Figure], list[str]]:
        """What it measures on the same evidence, made anew, and which populations it changed meanwhile."""
        _ = self.figures
        evidence = toy_evidence()
        before = {name: _digest(population) for name, population in evidence.populations.items()}
        found = self.measure(evidence)
        return found, [name for name, each in evidence.populations.items() if _digest(each) != before[name]]


def _digest(population: Population) -> str:
    digest = hashlib.sha256()
    arrays = {"z": population.z, **population.factors, **population.random_factors, **population.labels}
    for array in (*arrays.values(), *population.known.values()):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()

"""A metric under check."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from unbraid.core.catalogue import config_for
from unbraid.core.evaluation import Evidence, Figure
from unbraid.registry import MetricSpec, import_target
from unbraid.registry.conformance.case import PluginCase, spec_name
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.shared import shared
from unbraid.registry.conformance.toys.evidence import toy_evidence


class MetricCase(PluginCase):
    """A metric, with everything its checks share.

    Args:
        subject: name or `MetricSpec`, or the function `(evidence) -> Sequence[Figure]`.
        settings: of the metric.
    """

    kind = "metric"

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

"""The conformance suite: what plug-ins promise, as small checks that authors run on their own.

The public names are in `unbraid.testing`.
"""

from unbraid.registry.conformance import backbones, common, datasets, methods, metrics
from unbraid.registry.conformance.check import CHECKS, KINDS, Check, Failure, Kind, Skip, checks_of
from unbraid.registry.conformance.entrances import check_backbone, check_dataset, check_disentangler, check_metric
from unbraid.registry.conformance.parametrize import parametrize_with_checks
from unbraid.registry.conformance.report import ConformanceError, Report
from unbraid.registry.conformance.result import CheckResult
from unbraid.registry.conformance.suite import BoundCheck, Suite, suite_of
from unbraid.registry.conformance.tolerance import TOLERANCES
from unbraid.registry.conformance.toys import TOY_BACKBONES, toy_backbone, toy_dataset
from unbraid.registry.conformance.toys.evidence import toy_evidence

__all__ = [
    "CHECKS",
    "KINDS",
    "TOLERANCES",
    "TOY_BACKBONES",
    "BoundCheck",
    "Check",
    "CheckResult",
    "ConformanceError",
    "Failure",
    "Kind",
    "Report",
    "Skip",
    "Suite",
    "backbones",
    "check_backbone",
    "check_dataset",
    "check_disentangler",
    "check_metric",
    "checks_of",
    "common",
    "datasets",
    "methods",
    "metrics",
    "parametrize_with_checks",
    "suite_of",
    "toy_backbone",
    "toy_dataset",
    "toy_evidence",
]

"""One function for each kind of plug-in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from unbraid.core.evaluation import Evidence, Figure
from unbraid.core.interfaces import Backbone, Dataset, Disentangler
from unbraid.registry import BackboneSpec, DatasetSpec, DisentanglerSpec, MetricSpec
from unbraid.registry.conformance.report import Report
from unbraid.registry.conformance.running import ExpectedFailures
from unbraid.registry.conformance.suite import suite_of
from unbraid.registry.conformance.toys import ToyBackbone

#: What a failure does: raise `ConformanceError`, or be left in the report.
OnFail = Literal["raise", "report"]


def check_disentangler(
    method: str | DisentanglerSpec | type[Disentangler],
    *,
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    config: Any = None,
    backbones: Sequence[str] | Mapping[str, ToyBackbone] | None = None,
    dataset: Dataset | None = None,
    groups: Sequence[str] | None = None,
    expected_failures: ExpectedFailures | None = None,
    on_fail: OnFail = "raise",
) -> Report:
    """Hold a method to its contract, on toy backbones with the habits that break naive methods.

    Args:
        method: its name, its spec, or the class. A class without a spec is taken as one that needs no labels.
        settings, preset: of the method; small layers keep it fast.
        config: a ready configuration, for a class.
        backbones: names of `TOY_BACKBONES`, or name -> `(seed) -> Backbone`; default: a vector and a map. A method may
            refuse some of them with a `CapabilityError`, not all.
        dataset: what it is trained on; default `toy_dataset()`.
        groups: groups, or ids of checks; default: all.
        expected_failures: id, or `id@backbone`, of a check -> why it fails. Strict: one that passes is a failure.
        on_fail: `raise`, or leave failures in the report.

    Returns:
        The report, one result for each check and backbone.

    Raises:
        ConformanceError: a check failed; the message says what breaks in practice and what to do.
        UnknownNameError: no such method, group, check or toy.
    """
    suite = suite_of(
        "method",
        method,
        settings=settings,
        preset=preset,
        ready=config,
        backbones=backbones,
        dataset=dataset,
        groups=groups,
        expected_failures=expected_failures,
    )
    return _finish(suite.run(), on_fail)


def check_backbone(
    backbone: str | BackboneSpec | Backbone | Callable[[], Backbone],
    *,
    settings: Mapping[str, Any] | None = None,
    groups: Sequence[str] | None = None,
    expected_failures: ExpectedFailures | None = None,
    on_fail: OnFail = "raise",
) -> Report:
    """Hold a backbone to its contract: shapes, inverse, gradients, configuration, export.

    Args:
        backbone: name or spec of an adapter, a function that makes a backbone, or a backbone.
        settings: of the adapter; a small model keeps it fast.
        groups, expected_failures, on_fail: as for `check_disentangler`.

    Returns:
        The report.

    Raises:
        ConformanceError: a check failed.
        UnknownNameError: no such backbone, group or check.
    """
    suite = suite_of("backbone", backbone, settings=settings, groups=groups, expected_failures=expected_failures)
    return _finish(suite.run(), on_fail)


def check_dataset(
    dataset: str | DatasetSpec | Dataset | Callable[[], Dataset],
    *,
    settings: Mapping[str, Any] | None = None,
    groups: Sequence[str] | None = None,
    expected_failures: ExpectedFailures | None = None,
    on_fail: OnFail = "raise",
) -> Report:
    """Hold a data set to its contract: pictures, labels, splits, licence.

    Args:
        dataset: name or spec of an adapter, a function that makes a data set, or a data set.
        settings: of the adapter.
        groups, expected_failures, on_fail: as for `check_disentangler`.

    Returns:
        The report; everything is skipped where the data are not on this machine.

    Raises:
        ConformanceError: a check failed.
        UnknownNameError: no such data set, group or check.
    """
    suite = suite_of("dataset", dataset, settings=settings, groups=groups, expected_failures=expected_failures)
    return _finish(suite.run(), on_fail)


def check_metric(
    metric: str | MetricSpec | Callable[[Evidence], Sequence[Figure]],
    *,
    settings: Mapping[str, Any] | None = None,
    groups: Sequence[str] | None = None,
    expected_failures: ExpectedFailures | None = None,
    on_fail: OnFail = "raise",
) -> Report:
    """Hold a metric to its contract: figures with chance and protocol, the same each time, reasons where there is none.

    Args:
        metric: its name, its spec, or the function.
        settings: of the metric; few epochs keep it fast.
        groups, expected_failures, on_fail: as for `check_disentangler`.

    Returns:
        The report.

    Raises:
        ConformanceError: a check failed.
        UnknownNameError: no such metric, group or check.
    """
    suite = suite_of("metric", metric, settings=settings, groups=groups, expected_failures=expected_failures)
    return _finish(suite.run(), on_fail)


def _finish(report: Report, on_fail: OnFail) -> Report:
    if on_fail == "raise":
        report.raise_for_failures()
    return report

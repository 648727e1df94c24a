"""The checks of one plug-in, bound to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unbraid.core.errors import ConfigError, UnknownNameError
from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import CHECKS, KINDS, Check, Kind, checks_of
from unbraid.registry.conformance.dataset_case import DatasetCase
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.metric_case import MetricCase
from unbraid.registry.conformance.report import ConformanceError, Report
from unbraid.registry.conformance.result import CheckResult
from unbraid.registry.conformance.running import ExpectedFailures, check_expected, run_check
from unbraid.registry.conformance.toys import TOY_BACKBONES, USUAL, ToyBackbone

AnyCase = MethodCase | BackboneCase | DatasetCase | MetricCase

_CASES: Mapping[Kind, Callable[..., AnyCase]] = {
    "backbone": BackboneCase,
    "dataset": DatasetCase,
    "metric": MetricCase,
}


@dataclass(frozen=True, slots=True, eq=False)
class BoundCheck:
    """One check of one plug-in; calling it in a test passes, fails or skips the test."""

    check: Check
    case: AnyCase
    expected: ExpectedFailures

    @property
    def id(self) -> str:
        """`group.name`, and `@backbone` for a method."""
        return f"{self.check.id}@{self.case.on}" if self.case.on and not self.check.once else self.check.id

    def run(self) -> CheckResult:
        """Run it."""
        return run_check(self.case, self.check, self.expected)

    def __call__(self) -> None:
        """Run it as a test.

        Raises:
            ConformanceError: the check failed.
        """
        import pytest

        result = self.run()
        if result.status == "failed":
            raise ConformanceError(Report(result.subject, (result,)))
        if result.status == "skipped":
            pytest.skip(result.message)
        if result.status == "expected failure":
            pytest.xfail(result.message)


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """All checks of one plug-in, in order."""

    checks: Sequence[BoundCheck]

    def __iter__(self) -> Iterator[BoundCheck]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def run(self) -> Report:
        """Run all of them."""
        results = tuple(each.run() for each in self.checks)
        return Report(results[0].subject, results)


def suite_of(
    kind: Kind,
    subject: Any,
    *,
    backbones: Sequence[str] | Mapping[str, ToyBackbone] | None = None,
    groups: Sequence[str] | None = None,
    expected_failures: ExpectedFailures | None = None,
    **options: Any,
) -> Suite:
    """Bind the checks of a kind to a plug-in.

    Raises:
        UnknownNameError: there is no such kind, group, check or toy backbone.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of plug-in", kind, KINDS)
    expected = dict(expected_failures or {})
    check_expected(kind, expected)
    _check_groups(kind, groups)
    cases = _method_cases(subject, backbones, options) if kind == "method" else [_CASES[kind](subject, **options)]
    bound = [
        BoundCheck(check, case, expected)
        for case in cases
        for check in checks_of(kind, groups)
        if case is cases[0] or not check.once
    ]
    if not bound:
        raise ConfigError("there is nothing to check", expected="groups with checks of this kind", found=groups)
    return Suite(bound)


def _method_cases(
    subject: Any, backbones: Sequence[str] | Mapping[str, ToyBackbone] | None, options: Mapping[str, Any]
) -> list[MethodCase]:
    cases = [MethodCase(subject, name, make, **options) for name, make in _toys(backbones).items()]
    for case in cases:
        case.siblings = [other for other in cases if other is not case]
    return cases


def _toys(backbones: Sequence[str] | Mapping[str, ToyBackbone] | None) -> dict[str, ToyBackbone]:
    if isinstance(backbones, Mapping):
        return dict(backbones)
    names = USUAL if backbones is None else tuple(backbones)
    for name in names:
        if name not in TOY_BACKBONES:
            raise UnknownNameError("toy backbone", name, TOY_BACKBONES)
    return {name: TOY_BACKBONES[name] for name in names}


def _check_groups(kind: Kind, groups: Sequence[str] | None) -> None:
    known = {name for check in CHECKS if kind in check.kinds for name in (check.group, check.id)}
    for name in groups or ():
        if name not in known:
            raise UnknownNameError("group of checks", name, known)

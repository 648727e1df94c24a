"""The result of a comparison."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import atomic_file, write_json
from unbraid.core.comparison.summary import (
    Difference,
    Evaluations,
    Failure,
    Summary,
    absences,
    compare_pairs,
    summarise,
)
from unbraid.core.comparison.table import format_comparison
from unbraid.core.errors import UnknownNameError

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Methods side by side.

    Args:
        summaries: every figure of every method over its seeds.
        differences: of every two methods, paired by seed and episodes.
        failures: runs and metrics that ended with an error; nothing is left out silently.
        not_applicable: label -> figure -> why there is no value.
        protocol: what all runs share, and how intervals are made; JSON values.
    """

    summaries: tuple[Summary, ...]
    differences: tuple[Difference, ...]
    failures: tuple[Failure, ...] = ()
    not_applicable: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, evaluations: Evaluations, failures: tuple[Failure, ...], protocol: Mapping[str, Any]) -> "Comparison":
        """Summarise the evaluations of all runs."""
        broken = tuple(
            Failure(label=label, seed=seed, metric=metric, error=error)
            for label, seeds in evaluations.items()
            for seed, evaluation in seeds.items()
            for metric, error in evaluation.failures.items()
        )
        return cls(
            summaries=tuple(summarise(evaluations)),
            differences=tuple(compare_pairs(evaluations)),
            failures=failures + broken,
            not_applicable=absences(evaluations),
            protocol=protocol,
        )

    def summary(self, figure: str, label: str) -> Summary:
        """Give one figure of one method.

        Raises:
            UnknownNameError: there is none; near matches are offered.
        """
        for summary in self.summaries:
            if (summary.figure, summary.label) == (figure, label):
                return summary
        raise UnknownNameError("figure", f"{figure} of {label}", [f"{s.figure} of {s.label}" for s in self.summaries])

    def table(self) -> str:
        """Print the headline figures of all methods beside chance and baselines, and their paired differences."""
        return format_comparison(
            self.summaries, self.differences, self.failures, len(self.protocol.get("seeds", ())) or 1
        )

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values; equal comparisons give equal bytes, and no clock is in them."""
        return {
            "format": FORMAT,
            "summaries": [_plain(summary) for summary in self.summaries],
            "differences": [_plain(difference) for difference in self.differences],
            "failures": [asdict(failure) for failure in self.failures],
            "not_applicable": {label: dict(reasons) for label, reasons in self.not_applicable.items()},
            "protocol": dict(self.protocol),
        }

    def save(self, path: Path) -> Path:
        """Write `comparison.json`, whole or not at all."""
        with atomic_file(path) as temporary:
            write_json(temporary, self.to_dict())
        return path

    def __str__(self) -> str:
        return self.table()


def _plain(item: Summary | Difference) -> dict[str, Any]:
    """Give JSON values: seeds as text, as every key of an object is."""
    plain = asdict(item)
    return plain | {
        "values": {str(seed): value for seed, value in item.values.items()},
        **{name: list(pair) for name, pair in plain.items() if isinstance(pair, tuple)},
    }

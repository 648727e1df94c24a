"""What all checks found about one plug-in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from unbraid.core.errors import UnbraidError
from unbraid.registry.conformance.result import CheckResult, Status

#: How each status is shown; the order is that of the summary line.
STATUSES: tuple[Status, ...] = ("passed", "failed", "skipped", "expected failure")


class ConformanceError(UnbraidError):
    """A plug-in breaks its contract; the message lists the checks that failed, `report` holds all of them."""

    exit_code = 1

    def __init__(self, report: "Report") -> None:
        failures = "\n\n".join(str(result) for result in report.failures)
        super().__init__(f"{report.subject}: {report.summary}\n\n{failures}")
        self.report = report


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all checks of one plug-in, in the order in which they ran.

    >>> report = Report("mine", (CheckResult(id="a.b", group="a", kind="method", subject="mine", status="passed"),))
    >>> report.ok, report.summary
    (True, '1 passed')
    """

    subject: str
    results: Sequence[CheckResult]

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def failures(self) -> list[CheckResult]:
        """The results that failed."""
        return [result for result in self.results if result.status == "failed"]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def summary(self) -> str:
        """How many checks there are of each status."""
        counts = {status: sum(result.status == status for result in self.results) for status in STATUSES}
        return ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no checks"

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return {"subject": self.subject, "ok": self.ok, "results": [result.to_dict() for result in self.results]}

    def raise_for_failures(self) -> None:
        """Raise `ConformanceError` where a check failed."""
        if not self.ok:
            raise ConformanceError(self)

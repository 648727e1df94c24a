"""What one check found."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

#: `expected failure` is a check that fails as the caller said it would; one that then passes has failed.
Status = Literal["passed", "failed", "skipped", "expected failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check found about one plug-in.

    Args:
        id: of the check, `group.name`; stable.
        group: the part before the dot.
        kind: `method`, `backbone`, `dataset` or `metric`.
        subject: the plug-in.
        on: the backbone a method was checked on; empty for other kinds.
        status: `passed`, `failed`, `skipped` or `expected failure`.
        message: what was wrong, or why it was skipped or expected; empty for a check that passed.
        breaks: what goes wrong in practice where the check fails; only of a failure.
        mend: what to do next; only of a failure.
        seconds: how long it took.
    """

    id: str
    group: str
    kind: str
    subject: str
    on: str = ""
    status: Status
    message: str = ""
    breaks: str = ""
    mend: str = ""
    seconds: float = 0.0

    @property
    def label(self) -> str:
        """`id`, and `id@backbone` where there is one."""
        return f"{self.id}@{self.on}" if self.on else self.id

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"{self.label}: {self.status}", self.message]
        if self.status == "failed":
            parts += [f"breaks: {self.breaks}" if self.breaks else "", f"mend:   {self.mend}" if self.mend else ""]
        return "\n".join(part for part in parts if part)

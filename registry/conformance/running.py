"""Running checks over a case."""

import contextlib
import logging
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from unbraid.core.errors import UnbraidError, UnknownNameError
from unbraid.core.threads import threads
from unbraid.registry import use_registry
from unbraid.registry.conformance.case import PluginCase
from unbraid.registry.conformance.check import Check, Failure, Kind, Skip, checks_of
from unbraid.registry.conformance.result import CheckResult, Status
from unbraid.registry.conformance.shared import Blocked

#: Id of a check, or `id@backbone` -> why it is expected to fail.
ExpectedFailures = Mapping[str, str]

_HERE = str(Path(__file__).parent)


def run_check(case: PluginCase, check: Check, expected: ExpectedFailures) -> CheckResult:
    """Run one check.

    Args:
        case: what it looks at.
        check: the check.
        expected: the failures the caller expects; one that passes has failed.
    """
    begun = time.perf_counter()
    with use_registry(case.registry), threads(1), _hushed():
        status, message = _outcome(case, check)
    status, message = _judge(status, message, expected.get(f"{check.id}@{case.on}", expected.get(check.id)))
    return CheckResult(
        id=check.id,
        group=check.group,
        kind=case.kind,
        subject=case.name,
        on=case.on,
        status=status,
        message=message,
        breaks=check.breaks if status == "failed" else "",
        mend=check.mend if status == "failed" else "",
        seconds=time.perf_counter() - begun,
    )


def check_expected(kind: Kind, expected: ExpectedFailures) -> None:
    """Refuse expected failures of checks that do not exist.

    Raises:
        UnknownNameError: with near matches.
    """
    known = {check.id for check in checks_of(kind)}
    for name in expected:
        if name.partition("@")[0] not in known:
            raise UnknownNameError("check", name, known)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep what a fit says about small data to itself: that is the suite's doing."""
    log = logging.getLogger("unbraid")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _outcome(case: PluginCase, check: Check) -> tuple[Status, str]:
    try:
        check.function(case)
    except Skip as reason:
        return "skipped", str(reason)
    except Blocked as blocked:
        if blocked.owner == check.id:
            return "failed", _describe(blocked.error)
        return "skipped", str(blocked.error if isinstance(blocked.error, Skip) else blocked)
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and that is a finding
        return "failed", _describe(error)
    return "passed", ""


def _judge(status: Status, message: str, reason: str | None) -> tuple[Status, str]:
    if reason is None or status == "skipped":
        return status, message
    if status == "passed":
        return "failed", f"was expected to fail ({reason}), and passes: take it off the expected failures"
    return "expected failure", reason


def _describe(error: Exception) -> str:
    if isinstance(error, Failure):
        return str(error)
    text = str(error) if isinstance(error, UnbraidError) else f"{type(error).__name__}: {error}"
    return f"{text}{_place(error)}"


def _place(error: Exception) -> str:
    """Say where the plug-in raised: the last line that is not the suite's own."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_HERE)]
    return f"\n  at:       {frames[-1].filename}:{frames[-1].lineno}" if frames else ""

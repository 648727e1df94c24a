"""One pytest test for each check."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unbraid.registry.conformance.check import Kind
from unbraid.registry.conformance.suite import suite_of

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    subject: Any, *, kind: Kind = "method", **options: Any
) -> "Callable[[Callable[..., object]], Callable[..., object]] | pytest.MarkDecorator":
    """Make a test function run once for each check of a plug-in; its argument `check` is called to run it.

    ```python
    @parametrize_with_checks("my-method", settings={"width": 4})
    def test_contract(check):
        check()
    ```

    Test ids are the ids of the checks, with `@backbone` for a method. What a check looks at, such as a fitted model, is
    made once for all tests of the decorator.

    Args:
        subject: name, spec or the thing itself, as `check_disentangler` and its siblings take it.
        kind: `method`, `backbone`, `dataset` or `metric`.
        options: as for `check_disentangler` and its siblings (`settings`, `backbones`, `groups`, `expected_failures`).

    Returns:
        A pytest mark.

    Raises:
        UnknownNameError: no such kind, group, check or toy.
    """
    import pytest

    if "config" in options:
        options["ready"] = options.pop("config")
    checks = list(suite_of(kind, subject, **options))
    return pytest.mark.parametrize("check", checks, ids=[each.id for each in checks])

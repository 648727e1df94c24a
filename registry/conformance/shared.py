"""What several checks look at is made once; where that fails, one check fails and the others are skipped."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Blocked(Exception):
    """Something a check needs could not be made; the check `owner` reports why."""

    def __init__(self, owner: str, error: Exception) -> None:
        super().__init__(f"needs what {owner} looks at, and that failed")
        self.owner = owner
        self.error = error


class Shared(Generic[T]):
    """A property that is made on first use and kept, the error included."""

    def __init__(self, owner: str, make: Callable[[Any], T]) -> None:
        self._owner = owner
        self._make = make

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, case: Any, _: type) -> T:
        if self._name not in vars(case):
            vars(case)[self._name] = self._outcome(case)
        value, blocked = vars(case)[self._name]
        if blocked is not None:
            raise blocked
        found: T = value
        return found

    def __set__(self, case: Any, value: T) -> None:
        raise AttributeError(f"{self._name} is made once")

    def _outcome(self, case: Any) -> tuple[T | None, Blocked | None]:
        try:
            return self._make(case), None
        except Blocked as blocked:
            return None, blocked
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is the owner's to report
            return None, Blocked(self._owner, error)


def shared(owner: str) -> Callable[[Callable[[Any], T]], Shared[T]]:
    """Make a method a property that is made once for all checks.

    Args:
        owner: id of the check that reports the error where it cannot be made.
    """
    return lambda make: Shared(owner, make)

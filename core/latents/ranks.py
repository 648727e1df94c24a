"""Which of several processes this is, as torchrun (or any launcher that sets its variables) says."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from unbraid.core.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rank:
    """One of the processes that work on the same latent cache.

    Args:
        index: counts from 0.
        count: how many there are.

    Raises:
        ConfigError: there is no such rank.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ConfigError("RANK is not among WORLD_SIZE", expected=f"0 .. {self.count - 1}", found=self.index)

    @classmethod
    def here(cls) -> "Rank":
        """Read `RANK` and `WORLD_SIZE`; a process that has not both is alone.

        Raises:
            ConfigError: they are no numbers, or do not fit each other.
        """
        found = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
        if not found[0] or not found[1]:
            return cls()
        try:
            return cls(int(found[0]), int(found[1]))
        except ValueError:
            raise ConfigError(
                "RANK and WORLD_SIZE are numbers", expected="as torchrun sets them", found=found
            ) from None

    def order(self, parts: Sequence[T]) -> list[T]:
        """Put every `count`-th part first, from `index` on, then those of the next rank, and so on.

        So ranks begin with different parts, and one that is done helps the others.

        >>> Rank(1, 3).order("abcdefg")
        ['b', 'e', 'c', 'f', 'a', 'd', 'g']
        """
        places = sorted(range(len(parts)), key=lambda place: (place - self.index) % self.count)
        return [parts[place] for place in places]

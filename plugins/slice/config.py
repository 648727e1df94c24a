"""Settings of slices."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError

Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceConfig:
    """Which numbers of a latent are which factor; of a map, which channels.

    Args:
        specified: start and stop of what labels name, stop excluded; None is the second half.
        unspecified: of what varies within a label; None is the first half. What neither holds is `rest`.

    Raises:
        ConfigError: a range is empty, or the two overlap.
    """

    specified: Range | None = None
    unspecified: Range | None = None

    def __post_init__(self) -> None:
        for name in ("specified", "unspecified"):
            found = getattr(self, name)
            if found is not None and not 0 <= found[0] < found[1]:
                raise ConfigError(f"slice: {name} is no range", expected="0 <= start < stop", found=found)

    def ranges(self, length: int) -> dict[str, Range]:
        """Give the range of each factor of a latent with so many numbers, or channels.

        Raises:
            ConfigError: a range reaches beyond them, or the two overlap.

        >>> SliceConfig().ranges(32)
        {'specified': (16, 32), 'unspecified': (0, 16)}
        """
        found = {
            "specified": self.specified or (length // 2, length),
            "unspecified": self.unspecified or (0, length // 2),
        }
        (first, last), (other_first, other_last) = found.values()
        if max(last, other_last) > length or min(last, other_last) > max(first, other_first):
            raise ConfigError(
                "slice: the ranges do not fit the latent", expected=f"two ranges apart, below {length}", found=found
            )
        return found

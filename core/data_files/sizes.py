"""Checking the size of pictures a data set is asked for; imports nothing heavy, so that configs may use it."""

from unbraid.core.errors import ConfigError

#: Smaller pictures are no pictures.
SMALLEST = 8


def check_size(name: str, size: int) -> None:
    """Raise `ConfigError` where pictures of a size make no sense.

    >>> check_size("digits", 4)
    Traceback (most recent call last):
    unbraid.core.errors.ConfigError: digits: size is out of range
      expected: >= 8
      found:    4
    """
    if size < SMALLEST:
        raise ConfigError(f"{name}: size is out of range", expected=f">= {SMALLEST}", found=size)

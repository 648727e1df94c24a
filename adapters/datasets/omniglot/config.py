"""Settings of Omniglot."""

from dataclasses import dataclass

from unbraid.core.data_files.sizes import check_size


@dataclass(frozen=True, slots=True, kw_only=True)
class OmniglotConfig:
    """Settings of `load_dataset("omniglot", ...)`.

    Args:
        root: folder with a folder `omniglot`; None takes the environment variable `UNBRAID_DATA`.
        size: height and width, usually 28 or 32; the drawings of 105 x 105 are reduced bilinearly.
        rotations: adds every character turned by 90, 180 and 270 degrees as classes of their own, which are in the
            split of the upright character.

    Raises:
        ConfigError: the size is below 8.
    """

    root: str | None = None
    size: int = 28
    rotations: bool = False

    def __post_init__(self) -> None:
        check_size("omniglot", self.size)

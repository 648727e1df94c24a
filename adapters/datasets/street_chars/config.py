"""Settings of street characters."""

from dataclasses import dataclass, field

from unbraid.core.data_files.sizes import check_size
from unbraid.core.splits import SplitConfig

#: The pictures as they are stored.
NATIVE_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetCharsConfig:
    """Settings of `load_dataset("street-chars", ...)`.

    Args:
        root: folder with a folder `street-chars`; None takes the environment variable `UNBRAID_DATA`.
        size: height and width; any but 32 is resized bilinearly.
        content_split: which characters are for training, validation and test.

    Raises:
        ConfigError: the size is below 8.
    """

    root: str | None = None
    size: int = NATIVE_SIZE
    content_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("street-chars", self.size)

"""Settings of USPS."""

from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.data_files.sizes import check_size
from unbraid.core.splits import SplitConfig

#: The pictures as they are stored.
NATIVE_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class UspsConfig:
    """Settings of `load_dataset("usps", ...)`.

    Args:
        root: folder with a folder `usps`; None takes the environment variable `UNBRAID_DATA`.
        size: height and width; any but 16 is resized bilinearly.
        part: the official training part, the test part, or both, training first.
        content_split: which digits are for training, validation and test.

    Raises:
        ConfigError: the size is below 8.
    """

    root: str | None = None
    size: int = NATIVE_SIZE
    part: Literal["all", "train", "test"] = "all"
    content_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("usps", self.size)

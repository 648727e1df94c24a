"""Settings of scikit-learn's digits."""

from dataclasses import dataclass, field

from unbraid.core.data_files.sizes import check_size
from unbraid.core.splits import SplitConfig

#: The pictures as they are stored.
NATIVE_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsConfig:
    """Settings of `load_dataset("digits", ...)`.

    Args:
        size: height and width; any but 8 is resized bilinearly.
        content_split: which digits are for training, validation and test.

    Raises:
        ConfigError: the size is below 8.
    """

    size: int = NATIVE_SIZE
    content_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("digits", self.size)

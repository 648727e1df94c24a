"""Settings of MNIST with writers."""

from dataclasses import dataclass, field

from unbraid.core.data_files.sizes import check_size
from unbraid.core.splits import SplitConfig

#: The pictures as they are stored.
NATIVE_SIZE = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class MnistWritersConfig:
    """Settings of `load_dataset("mnist-writers", ...)`.

    Args:
        root: folder with a folder `mnist`; None takes the environment variable `UNBRAID_DATA`.
        size: height and width; any but 28 is resized bilinearly.
        content_split: which digits are for training, validation and test. Writers are split as MNIST splits them.

    Raises:
        ConfigError: the size is below 8.
    """

    root: str | None = None
    size: int = NATIVE_SIZE
    content_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("mnist-writers", self.size)

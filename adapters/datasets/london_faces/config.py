"""Settings of the London faces."""

from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.data_files.sizes import check_size
from unbraid.core.splits import SplitConfig

#: The pictures as they are stored.
NATIVE_SIZE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LondonFacesConfig:
    """Settings of `load_dataset("london-faces", ...)`.

    Args:
        root: folder with a folder `london-faces`; None takes the environment variable `UNBRAID_DATA`.
        size: height and width; any but 256 is resized bilinearly.
        content_split: which people are for training, validation and test.
        on_error: `raise` for a picture that cannot be read, when it is read; `skip` reads every one at the start and
            leaves those out.

    Raises:
        ConfigError: the size is below 8.
    """

    root: str | None = None
    size: int = NATIVE_SIZE
    content_split: SplitConfig = field(default_factory=SplitConfig)
    on_error: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        check_size("london-faces", self.size)

"""Settings of LPC sprites."""

from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.data_files.sizes import check_size
from unbraid.core.errors import ConfigError
from unbraid.core.splits import SplitConfig

#: The frames as they are stored.
NATIVE_SIZE = 64

Action = Literal["spellcast", "thrust", "walk", "slash", "shoot"]
Direction = Literal["back", "left", "front", "right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LpcSpritesConfig:
    """Settings of `load_dataset("lpc-sprites", ...)`.

    Args:
        root: folder with a folder `lpc-sprites`; None takes the environment variable `UNBRAID_DATA`.
        size: height and width; any but 64 is resized bilinearly.
        actions: what the characters do.
        directions: where they look.
        content_split: which characters are for training, validation and test.
        style_split: which poses are.

    Raises:
        ConfigError: the size is below 8, or no action or direction is left, or one is given twice.
    """

    root: str | None = None
    size: int = NATIVE_SIZE
    actions: tuple[Action, ...] = ("spellcast", "walk")
    directions: tuple[Direction, ...] = ("left", "front", "right")
    content_split: SplitConfig = field(default_factory=SplitConfig)
    style_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("lpc-sprites", self.size)
        for name, values in (("actions", self.actions), ("directions", self.directions)):
            if not values or len(set(values)) != len(values):
                raise ConfigError(
                    f"lpc-sprites: {name} are malformed", expected="at least one, each once", found=values
                )

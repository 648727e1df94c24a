"""Settings of folders of pictures; imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.errors import ConfigError
from unbraid.core.splits import SplitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderConfig:
    """Settings of `load_dataset("folder", ...)`.

    Args:
        path: of the folder that holds a folder of pictures for each class.
        size: height and width of the pictures.
        colour: three channels, or one of grey.
        fit: how a picture that is not square becomes so: `crop` its middle, `pad` with black, or `stretch`.
        style: CSV file with the columns `file` (relative to `path`) and `label`; None where no style is labelled.
        attributes: further labels: name, snake_case -> CSV file of the same columns. All their classes are for
            training.
        content_label: what the content is called.
        style_label: what the style is called.
        content_split: which contents are for training, validation and test.
        style_split: the same for styles.
        on_error: `raise` for a file that is no picture, when it is read; `skip` reads every file once at the start
            and leaves those out.

    Raises:
        ConfigError: the size is below 1.
    """

    path: str
    size: int = 64
    colour: bool = True
    fit: Literal["crop", "pad", "stretch"] = "crop"
    style: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    content_label: str = "class"
    style_label: str = "style"
    content_split: SplitConfig = field(default_factory=SplitConfig)
    style_split: SplitConfig = field(default_factory=SplitConfig)
    on_error: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError("folder: size is out of range", expected=">= 1", found=self.size)

"""Settings of the variable glyphs."""

from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.data_files.sizes import check_size
from unbraid.core.errors import ConfigError
from unbraid.core.splits import SplitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class GlyphsVariableConfig:
    """Settings of `load_dataset("glyphs-variable", ...)`; the defaults give 3,038 pictures.

    Args:
        size: height and width.
        weights: how many weights, evenly from the font's lightest (200) to its boldest (900).
        widths: how many widths, evenly from its narrowest (50) to its widest (200).
        style: the factor that is labelled as style; both are known factors of the data set.
        content_split: which characters are for training, validation and test.
        style_split: the same for values of the style.

    Raises:
        ConfigError: the size is below 8, there is no weight or width, or the style has a single value.
    """

    size: int = 28
    weights: int = 7
    widths: int = 7
    style: Literal["weight", "width"] = "weight"
    content_split: SplitConfig = field(default_factory=SplitConfig)
    style_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("glyphs-variable", self.size)
        counts = {"weight": self.weights, "width": self.widths}
        if min(counts.values()) < 1 or counts[self.style] < 2:
            raise ConfigError(
                "glyphs-variable: too few weights or widths",
                expected=f"at least 1 of each and 2 of the style, {self.style}",
                found=counts,
            )

"""Settings of the variable glyphs."""

from dataclasses import dataclass, field
from typing import Literal

from unbraid.core.data_files.sizes import check_size
from unbraid.core.errors import ConfigError
from unbraid.core.splits import SplitConfig

Axis = Literal["weight", "width"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlyphsVariableConfig:
    """Settings of `load_dataset("glyphs-variable", ...)`; the defaults give 3,038 pictures.

    Args:
        size: height and width.
        weights: how many weights, evenly from the font's lightest (200) to its boldest (900).
        widths: how many widths, evenly from its narrowest (50) to its widest (200).
        style: the factor that is labelled as style; both are known factors of the data set.
        attributes: the other factor, where it is to be labelled too, under its own name and not split. It counts in
            the fingerprint.
        content_split: which characters are for training, validation and test.
        style_split: the same for values of the style.

    Raises:
        ConfigError: the size is below 8, there is no weight or width, a labelled factor has a single value, or the
            attribute is the style.
    """

    size: int = 28
    weights: int = 7
    widths: int = 7
    style: Axis = "weight"
    attributes: tuple[Axis, ...] = ()
    content_split: SplitConfig = field(default_factory=SplitConfig)
    style_split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        check_size("glyphs-variable", self.size)
        counts = {"weight": self.weights, "width": self.widths}
        labelled = (self.style, *self.attributes)
        if len(set(labelled)) != len(labelled):
            raise ConfigError(
                "glyphs-variable: a factor is labelled twice",
                expected=f"an attribute other than the style {self.style!r}, once",
                found=self.attributes,
            )
        if min(counts.values()) < 1 or min(counts[name] for name in labelled) < 2:
            raise ConfigError(
                "glyphs-variable: too few weights or widths",
                expected=f"at least 1 of each and 2 of what is labelled: {', '.join(labelled)}",
                found=counts,
            )

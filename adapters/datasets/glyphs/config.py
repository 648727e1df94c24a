"""Settings of the glyphs; imports nothing heavy."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError

#: The pictures as they were rendered.
NATIVE_SIZE = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class GlyphsConfig:
    """Settings of `load_dataset("glyphs", ...)`.

    Args:
        size: height and width; any but 28 is resized bilinearly.

    Raises:
        ConfigError: the size is below 8.
    """

    size: int = NATIVE_SIZE

    def __post_init__(self) -> None:
        if self.size < 8:
            raise ConfigError("glyphs: size is out of range", expected=">= 8", found=self.size)

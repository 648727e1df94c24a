"""Settings of the Japanese glyphs."""

from dataclasses import dataclass

from unbraid.core.data_files.sizes import check_size

#: The pictures as they were rendered.
NATIVE_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class GlyphsKanjiConfig:
    """Settings of `load_dataset("glyphs-kanji", ...)`.

    Args:
        size: height and width; any but 32 is resized bilinearly.

    Raises:
        ConfigError: the size is below 8.
    """

    size: int = NATIVE_SIZE

    def __post_init__(self) -> None:
        check_size("glyphs-kanji", self.size)

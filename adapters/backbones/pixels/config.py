"""Settings of pixels as latents; imports no torch."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelsConfig:
    """Settings of `load_backbone("pixels", ...)`.

    Args:
        channels: of the images, 1 (grey) or 3 (colour).
        size: height of the images, and their width where that is not given.
        width: of the images.

    Raises:
        ConfigError: a value is out of range.
    """

    channels: int = 1
    size: int = 28
    width: int | None = None

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ConfigError(
                "pixels: channels is out of range", expected="1 (grey) or 3 (colour)", found=self.channels
            )
        for name, value in (("size", self.size), ("width", self.width)):
            if value is not None and value < 1:
                raise ConfigError(f"pixels: {name} is out of range", expected=">= 1", found=value)

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)`."""
        return (self.channels, self.size, self.size if self.width is None else self.width)

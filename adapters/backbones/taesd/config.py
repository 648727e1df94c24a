"""Settings of the adapter; imports no torch."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError

#: Pixels a side of the latent map stands for.
STRIDE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What fixes the shape of every tensor.

    Args:
        latent_channels: of the latent map: 4 (SD 1, 2, XL), 16 (SD 3, FLUX.1) or 32 (FLUX.2).
        pooled: whether the blocks of the smallest maps have a branch with group norm (FLUX.2).

    Raises:
        ConfigError: there are no channels.
    """

    latent_channels: int = 4
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.latent_channels < 1:
            raise ConfigError("taesd: latent_channels is out of range", expected=">= 1", found=self.latent_channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class TAESDConfig:
    """Settings of `load_backbone("taesd", ...)`.

    Args:
        weights: folder that `unbraid backbone convert taesd` wrote, or None for an untrained model.
        size: height and width of the images, a multiple of 8. The networks take any; heads need one.
        latent_channels: of the latent map; this and the next are None for what the weights say, and must agree.
        pooled: whether the blocks of the smallest maps have a branch with group norm.
        seed: of the initial weights of an untrained model.

    Raises:
        ConfigError: a value is out of range.
    """

    weights: str | None = None
    size: int = 128
    latent_channels: int | None = None
    pooled: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < STRIDE or self.size % STRIDE:
            raise ConfigError("taesd: size is out of range", expected=f"a multiple of {STRIDE}", found=self.size)
        self.architecture()

    @property
    def given(self) -> dict[str, int | bool]:
        """The parts of the architecture that were set."""
        parts = {"latent_channels": self.latent_channels, "pooled": self.pooled}
        return {name: value for name, value in parts.items() if value is not None}

    def architecture(self) -> Architecture:
        """Give the architecture of an untrained model: what was set, defaults for the rest."""
        latent_channels = 4 if self.latent_channels is None else self.latent_channels
        return Architecture(latent_channels=latent_channels, pooled=bool(self.pooled))

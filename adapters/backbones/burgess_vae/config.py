"""Settings of the adapter; imports no torch."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from unbraid.core.config import check_range

_require = partial(check_range, "burgess_vae")

SIZES = (32, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What fixes the shape of every tensor.

    Args:
        channels: of the images, 1 (grey) or 3 (colour).
        size: height and width of the images, 32 or 64.
        width: how many numbers the latent holds.

    Raises:
        ConfigError: a value is out of range.
    """

    channels: int = 1
    size: int = 32
    width: int = 10

    def __post_init__(self) -> None:
        _require(self.channels in (1, 3), "channels", "1 (grey) or 3 (colour)", self.channels)
        _require(self.size in SIZES, "size", " or ".join(map(str, SIZES)), self.size)
        _require(self.width >= 1, "width", ">= 1", self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurgessVAEConfig:
    """Settings of `load_backbone("burgess_vae", ...)`.

    Args:
        weights: folder that `unbraid backbone convert burgess_vae` wrote, or None for an untrained model.
        channels: of the images; this and the next two are None for what the weights say, and must agree with it.
        size: height and width of the images, 32 or 64.
        width: how many numbers the latent holds.
        seed: of the initial weights of an untrained model.

    Raises:
        ConfigError: a value is out of range.
    """

    weights: str | None = None
    channels: int | None = None
    size: int | None = None
    width: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.architecture()

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the architecture that were set."""
        names = ("channels", "size", "width")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def architecture(self) -> Architecture:
        """Give the architecture of an untrained model: what was set, defaults for the rest."""
        return Architecture(**(asdict(Architecture()) | self.given))

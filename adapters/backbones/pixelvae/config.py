"""Settings of the adapter; imports no torch."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from unbraid.core.config import check_range
from unbraid.core.encoder_settings import EncoderSettings, StatedEncoder
from unbraid.core.pretrain_settings import PretrainSettings

_require = partial(check_range, "pixelvae")

#: How `decode` makes pictures: with fixed random numbers, or the likelier value of each pixel given those before.
Sampling = Literal["draw", "mode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(StatedEncoder):
    """What a folder of weights states; see also `StatedEncoder`.

    Args:
        layers: of both stacks.
        maps: channels of each.

    Raises:
        ConfigError: a value is out of range.
    """

    layers: int = 8
    maps: int = 16

    def __post_init__(self) -> None:
        _require(self.layers >= 1, "layers", ">= 1", self.layers)
        _require(self.maps >= 1, "maps", ">= 1", self.maps)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelVAEConfig(EncoderSettings):
    """Settings of `load_backbone("pixelvae", ...)`; see also `EncoderSettings`.

    Args:
        layers: of both stacks of the decoder; this and the next are None for what the weights say, and must agree.
        maps: channels of each.
        sampling: how `decode` makes a picture: `draw` takes a pixel where a fixed random number is below its
            probability, `mode` where that is above a half. Neither is the likeliest picture.
        sampling_seed: of the random numbers of `draw`, which are the same for every latent.

    Raises:
        ConfigError: neither weights nor an encoder are named, or a value is out of range.
    """

    adapter: ClassVar[str] = "pixelvae"

    layers: int | None = None
    maps: int | None = None
    sampling: Sampling = "draw"
    sampling_seed: int = 0

    def __post_init__(self) -> None:
        EncoderSettings.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        Architecture(encoder="", **self.given)
        _require(self.sampling in ("draw", "mode"), "sampling", "draw or mode", self.sampling)

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the decoder's architecture that were set."""
        return {name: value for name, value in asdict(self).items() if name in ("layers", "maps") and value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig(PretrainSettings):
    """Settings of `unbraid pretrain` for an autoregressive decoder; see `PretrainSettings`."""

    adapter: ClassVar[str] = "pixelvae"

    batch_size: int = 32

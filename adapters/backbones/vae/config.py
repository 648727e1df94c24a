"""Settings of the VAE adapter; imports no torch."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from unbraid.core.config import check_range
from unbraid.core.pretrain_settings import PretrainSettings

_require = partial(check_range, "vae")

#: Below this an encoder stage would see nothing but padding.
SMALLEST_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What fixes the shape of every tensor of a VAE.

    Args:
        channels: of the images, 1 (grey) or 3 (colour).
        size: height and width of the images, any from 8.
        width: how many numbers the latent holds.
        base: channels of the first stage; the later ones have twice as many.

    Raises:
        ConfigError: a value is out of range.
    """

    channels: int = 1
    size: int = 28
    width: int = 64
    base: int = 32

    def __post_init__(self) -> None:
        _require(self.channels in (1, 3), "channels", "1 (grey) or 3 (colour)", self.channels)
        _require(self.size >= SMALLEST_SIZE, "size", f">= {SMALLEST_SIZE}", self.size)
        _require(self.width >= 1, "width", ">= 1", self.width)
        _require(self.base >= 1, "base", ">= 1", self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class VAEConfig:
    """Settings of `load_backbone("vae", ...)`.

    Args:
        weights: a folder or `.safetensors` file that `unbraid pretrain` wrote, `builtin:glyphs` for the weights that
            come with Unbraid, or None for an untrained model.
        channels: of the images; this and the next three are None for what the weights say, and must agree with it.
        size: height and width of the images.
        width: how many numbers the latent holds.
        base: channels of the first stage.
        seed: of the initial weights of an untrained model.

    Raises:
        ConfigError: a value is out of range.
    """

    weights: str | None = None
    channels: int | None = None
    size: int | None = None
    width: int | None = None
    base: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.architecture()

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the architecture that were set."""
        names = ("channels", "size", "width", "base")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def architecture(self) -> Architecture:
        """Give the architecture of an untrained model: what was set, defaults for the rest."""
        return Architecture(**(asdict(Architecture()) | self.given))


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig(PretrainSettings):
    """Settings of `unbraid pretrain` for a VAE; see also `PretrainSettings`.

    Args:
        likelihood: of the pixels: `bernoulli` (cross-entropy) or `gaussian` (squared error) of deviation `sigma`.
        sigma: standard deviation of the gaussian likelihood, in pixel values.
        beta: weight of the KL term; 1 is the evidence lower bound, less buys sharper pictures with a latent that is
            further from the prior (Higgins et al. 2017).
        warp: how far half of the pictures of a batch are turned, sheared, scaled and shifted at random; 0 is not at
            all, 1 is up to 9 degrees, 20 % and 6 % of the side. What is uncovered is black.

    Raises:
        ConfigError: a value is out of range.
    """

    adapter: ClassVar[str] = "vae"

    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    sigma: float = 0.1
    beta: float = 1.0
    warp: float = 0.0

    def __post_init__(self) -> None:
        PretrainSettings.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        _require(self.sigma > 0, "sigma", "> 0", self.sigma)
        _require(self.beta >= 0, "beta", ">= 0", self.beta)
        _require(0 <= self.warp <= 1, "warp", "0 .. 1", self.warp)

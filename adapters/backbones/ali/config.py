"""Settings of ALI and BiGAN; imports no torch."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from unbraid.core.config import check_range
from unbraid.core.pretrain_settings import PretrainSettings

_require = partial(check_range, "ali")

Table = Literal["small", "mnist", "svhn", "cifar10", "celeba"]
Prior = Literal["normal", "uniform"]

#: Side of the pictures of each table that fixes one, and its number of latents.
SIZES = {"mnist": 28, "svhn": 32, "cifar10": 32, "celeba": 64}
WIDTHS = {"small": 64, "mnist": 50, "svhn": 256, "cifar10": 64, "celeba": 256}
CHANNELS = {"small": 1, "mnist": 1, "svhn": 3, "cifar10": 3, "celeba": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What fixes the shape of every tensor of encoder and decoder.

    Args:
        table: which table of layers.
        channels: of the images, 1 (grey) or 3 (colour).
        size: height and width of the images; the table `small` takes multiples of 4 from 8, the others their own.
        width: how many numbers the latent holds.
        base: channels of the first layer of the table `small`.
        encoder: `gaussian` gives mean and log-variance (ALI), `point` a latent (BiGAN).
        prior: what the latents of made pictures are drawn from; `uniform` is between -1 and 1.

    Raises:
        ConfigError: a value is out of range.
    """

    table: Table = "small"
    channels: int = 1
    size: int = 28
    width: int = 64
    base: int = 16
    encoder: Literal["gaussian", "point"] = "gaussian"
    prior: Prior = "normal"

    def __post_init__(self) -> None:
        _require(self.channels in (1, 3), "channels", "1 (grey) or 3 (colour)", self.channels)
        _require(self.width >= 1, "width", ">= 1", self.width)
        _require(self.base >= 1, "base", ">= 1", self.base)
        if self.table in SIZES:
            _require(self.size == SIZES[self.table], "size", f"{SIZES[self.table]} in table {self.table}", self.size)
        else:
            _require(self.size >= 8 and self.size % 4 == 0, "size", "a multiple of 4, from 8", self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ALIConfig:
    """Settings of `load_backbone("ali", ...)`.

    Args:
        weights: a folder that `unbraid pretrain` wrote, or None for an untrained model.
        table: layers of the paper for `svhn`, `cifar10` or `celeba`, of BiGAN for `mnist` (fully connected), or `small`
            for a CPU; this and the next four are None for what the weights say, and must agree with it.
        channels: of the images; the table's own where nothing is said.
        size: height and width of the images.
        width: how many numbers the latent holds.
        base: channels of the first layer of the table `small`.
        prior: `normal`, or `uniform` between -1 and 1.
        seed: of the initial weights of an untrained model.

    Raises:
        ConfigError: a value is out of range.
    """

    adapter: ClassVar[str] = "ali"
    encoder: ClassVar[Literal["gaussian", "point"]] = "gaussian"

    weights: str | None = None
    table: Table | None = None
    channels: int | None = None
    size: int | None = None
    width: int | None = None
    base: int | None = None
    prior: Prior | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.architecture()

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the architecture that were set."""
        names = ("table", "channels", "size", "width", "base", "prior")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def architecture(self) -> Architecture:
        """Give the architecture of an untrained model: what was set, the table's own values for the rest."""
        table = self.table or "small"
        own = {"table": table, "channels": CHANNELS[table], "size": SIZES.get(table, 28), "width": WIDTHS[table]}
        settings: dict[str, Any] = asdict(Architecture(encoder=self.encoder)) | own | self.given
        return Architecture(**settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class BiGANConfig(ALIConfig):
    """Settings of `load_backbone("bigan", ...)`: those of ALI, with an encoder that gives a point."""

    adapter: ClassVar[str] = "bigan"
    encoder: ClassVar[Literal["gaussian", "point"]] = "point"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig(PretrainSettings):
    """Settings of `unbraid pretrain` for these backbones; see also `PretrainSettings`: `lr` is that of both optimisers.

    Args:
        reconstruction: weight of the mean squared error of `decode(encode(x))`, which FDEN adds to the loss of encoder
            and decoder (Yoon and Suk 2019); 0 is the method of the paper.
        discriminator_lr: that of the discriminator where it has its own.
        betas: of Adam.
        weight_decay: of both; BiGAN has 2.5e-5.

    Raises:
        ConfigError: a value is out of range.
    """

    adapter: ClassVar[str] = "ali"

    reconstruction: float = 1.0
    batch_size: int = 100
    lr: float = 2e-4
    discriminator_lr: float | None = None
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    settle: float = 0.2

    def __post_init__(self) -> None:
        PretrainSettings.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        _require(self.reconstruction >= 0, "reconstruction", ">= 0", self.reconstruction)
        _require(
            self.discriminator_lr is None or self.discriminator_lr > 0, "discriminator_lr", "> 0", self.discriminator_lr
        )
        _require(all(0 <= beta < 1 for beta in self.betas), "betas", "0 .. below 1", self.betas)
        _require(self.weight_decay >= 0, "weight_decay", ">= 0", self.weight_decay)

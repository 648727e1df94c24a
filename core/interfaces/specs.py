"""Shapes as data: what an image, a latent, a label and a factor look like."""

import math
from dataclasses import dataclass
from typing import Literal

from unbraid.core.errors import ConfigError

Role = Literal["content", "style", "rest"]
Distribution = Literal["point", "gaussian", "categorical"]
Storage = Literal["float32", "float16", "uint8"]

#: Name of the domain of a method that has only one.
DEFAULT_DOMAIN = "default"


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """Channels, height and width of the images a backbone takes: `(C, H, W)` float32 in [0, 1]."""

    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)`."""
        return (self.channels, self.height, self.width)

    def __str__(self) -> str:
        return f"{self.channels} x {self.height} x {self.width}"


@dataclass(frozen=True, slots=True)
class LatentSpec:
    """One latent without its batch dimension: a vector `(D,)` or a map `(C, H, W)`.

    `stochastic` says whether the encoder gives a variance. `storage` is how the latent cache keeps it; `uint8`
    is for backbones whose latent is the picture itself, and means value * 255.
    """

    shape: tuple[int, ...]
    stochastic: bool = False
    storage: Storage = "float32"

    def __post_init__(self) -> None:
        if len(self.shape) not in (1, 3) or min(self.shape) < 1:
            raise ConfigError("a latent must be a vector or a map", expected="(D,) or (C, H, W)", found=self.shape)

    @property
    def is_map(self) -> bool:
        """Whether the latent has height and width."""
        return len(self.shape) == 3

    @property
    def is_picture(self) -> bool:
        """Whether the latent is a picture with values in [0, 1]."""
        return self.is_map and self.storage == "uint8"

    @property
    def width(self) -> int:
        """How many numbers one latent holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """A label of a data set: its name and its classes in order; row labels are indices into them, -1 is missing."""

    name: str
    classes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of classes."""
        return len(self.classes)


@dataclass(frozen=True, slots=True)
class Factor:
    """A named block of numbers that a disentangler finds in a latent.

    `role` is shared by all methods: `content` is what labels name, `style` what varies within a label, `rest` what a
    wide latent keeps aside (it travels with style). `label` names the data set's label (by role: `content`,
    `style` or an attribute) the factor was trained on, if any. A `gaussian` factor has a variance in the head's
    `posterior`; a `categorical` one holds class probabilities.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    label: str | None = None
    distribution: Distribution = "point"

    @property
    def width(self) -> int:
        """How many numbers the factor holds."""
        return math.prod(self.shape)

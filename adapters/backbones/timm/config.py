"""Settings of the adapter; imports no torch."""

from dataclasses import dataclass
from typing import Literal

from unbraid.core.errors import ConfigError

Tap = Literal["pooled", "tokens", "map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimmConfig:
    """Settings of `load_backbone("timm", ...)`.

    Args:
        model: name of an architecture, with its tag where it has several weights: `resnet18.a1_in1k`.
        weights: `pretrained` for those of the name, which are downloaded; a `.safetensors` file or a folder with a
            `model.safetensors`; None for an untrained model.
        tap: where features are taken: `pooled` is the vector before the classifier, `tokens` a map of the patch tokens
            of a transformer, `map` the last feature map of a convolutional network.
        size: height and width of the images; None takes those of the model, others are resized to the model's within
            the encoder.
        channels: of the images: as many as the model takes, or 1, which is repeated.
        seed: of the initial weights of an untrained model.
        licence: of the weights; those of pretrained ones are stated by timm where it knows them.

    Raises:
        ConfigError: a value is out of range.
    """

    model: str
    weights: str | None = None
    tap: Tap = "pooled"
    size: int | None = None
    channels: int | None = None
    seed: int = 0
    licence: str = ""

    def __post_init__(self) -> None:
        for name in ("size", "channels"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"timm: {name} is out of range", expected=">= 1", found=value)

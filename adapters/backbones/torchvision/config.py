"""Settings of the adapter; imports no torch."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchvisionConfig:
    """Settings of `load_backbone("torchvision", ...)`.

    Args:
        model: name of an image classifier, `resnet18`.
        weights: a name such as `DEFAULT` or `IMAGENET1K_V1`, which is downloaded; a `.safetensors` file or a folder with
            a `model.safetensors`; None for an untrained model.
        tap: `pooled` for what the classifier takes, flattened; or the name of a node of the traced model, `layer4`: maps
            stay maps, and tokens become one.
        size: height and width of the images; None takes those of the model, others are resized to the model's within
            the encoder.
        channels: of the images: 3, or 1, which is repeated.
        seed: of the initial weights of an untrained model.
        licence: of the weights.

    Raises:
        ConfigError: a value is out of range.
    """

    model: str
    weights: str | None = None
    tap: str = "pooled"
    size: int | None = None
    channels: int = 3
    seed: int = 0
    licence: str = ""

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ConfigError("torchvision: size is out of range", expected=">= 1", found=self.size)
        if self.channels not in (1, 3):
            raise ConfigError("torchvision: channels are out of range", expected="1 or 3", found=self.channels)

"""A live module with `encode` and `decode` as a backbone."""

from typing import Any

from torch import Tensor, nn

from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Backbone
from unbraid.core.modules import freeze

#: Where a module may say what images it takes, `(C, H, W)`.
ATTRIBUTES = ("input_shape", "image_shape", "input_size")


class Encode(nn.Module):
    """The method `encode` of a module as a module."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Any:
        """Encode a batch of images."""
        return self.model.encode(x)  # type: ignore[operator]


class Decode(nn.Module):
    """The method `decode` of a module as a module."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        images: Tensor = self.model.decode(z)  # type: ignore[operator]
        return images


def adapt(model: Any) -> Backbone:
    """Wrap a module whose `encode` takes images in [0, 1] and gives latents or `(mean, log_variance)`.

    Args:
        model: with `encode`, with `decode` where it has one, and with the shape of its images `(C, H, W)` under
            `input_shape`, `image_shape` or `input_size`.

    Raises:
        ConfigError: it does not say what images it takes, or does not take them.
    """
    stated = next((getattr(model, name) for name in ATTRIBUTES if hasattr(model, name)), None)
    if not (isinstance(stated, tuple | list) and len(stated) == 3 and all(isinstance(n, int) for n in stated)):
        raise ConfigError(
            f"a {type(model).__name__} does not say what images it takes",
            expected=f"an attribute {', '.join(ATTRIBUTES)} with (channels, height, width)",
            found=stated,
            hint="model.input_shape = (C, H, W), or unbraid.freeze(encoder, decoder, input=(C, H, W))",
        )
    decoder = Decode(model) if callable(getattr(model, "decode", None)) else None
    channels, height, width = stated
    return freeze(Encode(model), decoder, input=(channels, height, width), source=type(model).__qualname__)

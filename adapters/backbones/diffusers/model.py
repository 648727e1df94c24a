"""Encoders and decoders around an autoencoder of diffusers: casts, ranges and scaling."""

import torch
from torch import Tensor, nn

from unbraid.core.interfaces import Decoder, Encoder, Posterior


class KLEncoder(Encoder):
    """Images in [0, 1] -> posterior of the latents the diffusion model takes: `(mean - shift) * scale`.

    Args:
        model: an `AutoencoderKL`.
        shift, scale: of the latents.
    """

    def __init__(self, model: nn.Module, shift: float, scale: float) -> None:
        super().__init__()
        self.model = model
        self.shift, self.scale = shift, scale

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        found = self.model.encode(_signed(self.model, x)).latent_dist  # type: ignore[operator]
        scale = torch.as_tensor(self.scale, dtype=torch.float32, device=x.device)
        mean = (found.mean.float() - self.shift) * scale
        return Posterior(mean, found.logvar.float() + 2 * scale.log())


class KLDecoder(Decoder):
    """Latents as `KLEncoder` gives them -> images in [0, 1]; takes the same arguments."""

    def __init__(self, model: nn.Module, shift: float, scale: float) -> None:
        super().__init__()
        self.model = model
        self.shift, self.scale = shift, scale

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        z = z / self.scale + self.shift
        return _unsigned(self.model.decode(z.to(_dtype(self.model))).sample)  # type: ignore[operator]


class TinyEncoder(Encoder):
    """Images in [0, 1] -> latents, about within (-3, 3).

    Args:
        model: an `AutoencoderTiny`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        return Posterior(self.model.encode(_signed(self.model, x)).latents.float())  # type: ignore[operator]


class TinyDecoder(Decoder):
    """Latents of an `AutoencoderTiny` -> images in [0, 1]; takes the same argument."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        return _unsigned(self.model.decode(z.to(_dtype(self.model))).sample)  # type: ignore[operator]


class RAEEncoder(Encoder):
    """Images in [0, 1] -> a map of normalised tokens; resizing and normalisation are the model's own.

    Args:
        model: an `AutoencoderRAE`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        return Posterior(self.model.encode(x.to(_dtype(self.model))).latent.float())  # type: ignore[operator]


class RAEDecoder(Decoder):
    """Latents of an `AutoencoderRAE` -> images in [0, 1]; takes the same argument."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        found: Tensor = self.model.decode(z.to(_dtype(self.model))).sample  # type: ignore[operator]
        return found.float().clamp(0, 1)


def _dtype(model: nn.Module) -> torch.dtype:
    return next(model.parameters()).dtype


def _signed(model: nn.Module, x: Tensor) -> Tensor:
    """Give images in [-1, 1], in the dtype of the weights."""
    return (2 * x - 1).to(_dtype(model))


def _unsigned(x: Tensor) -> Tensor:
    return (x.float() / 2 + 0.5).clamp(0, 1)

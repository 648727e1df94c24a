"""The evidence lower bound of a VAE (Kingma and Welling 2014, eq. 10), and the pictures it is computed on."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.adapters.backbones.vae.config import PretrainConfig
from unbraid.adapters.backbones.vae.model import VAE
from unbraid.core.interfaces import Draws, Losses, Rows, Term

# Half a range each, at warp 1: radians, shares, and half sides of the picture.
_TURN, _SHEAR, _SCALE, _SHIFT = 0.15, 0.2, 0.2, 0.12


class EvidenceBound:
    """The negative bound per picture, in nats: what Adam makes smaller.

    Args:
        vae: is trained.
        settings: likelihood, beta and warp.
    """

    def __init__(self, vae: VAE, settings: PretrainConfig) -> None:
        self.vae = vae
        self.settings = settings

    def __call__(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the terms of one batch of `Rows` whose `z` are pictures `(B, C, S, S)` in [0, 1]."""
        rows: Rows = batch["pictures"]
        pictures = warped(rows.z, draws, self.settings.warp)
        posterior = self.vae.encoder(pictures)
        logits = self.vae.decoder.logits(posterior.sample(draws.normal(*posterior.mean.shape)))
        mean, log_variance = posterior
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return {
            "reconstruction": Term(self._misfit(logits, pictures)),
            "divergence": Term(divergence.sum(1).mean(), self.settings.beta),
        }

    def _misfit(self, logits: Tensor, pictures: Tensor) -> Tensor:
        """Negative log-likelihood of the pictures, without the constant of the gaussian."""
        if self.settings.likelihood == "bernoulli":
            errors = F.binary_cross_entropy_with_logits(logits, pictures, reduction="none")
        else:
            errors = (logits.sigmoid() - pictures).square() / (2 * self.settings.sigma**2)
        return errors.flatten(1).sum(1).mean()


def warped(pictures: Tensor, draws: Draws, strength: float) -> Tensor:
    """Turn, shear, scale and shift half of the pictures at random; the other half is as it was.

    Args:
        pictures: `(B, C, S, S)` in [0, 1].
        draws: of the step.
        strength: 0 not at all, 1 up to 9 degrees, 20 % and 6 % of the side.

    Returns:
        `(B, C, S, S)` in [0, 1]; black where nothing of the picture falls.
    """
    if strength == 0:
        return pictures
    turn, shear, wide, high, right, down, chosen = (2 * draws.uniform(7, len(pictures)) - 1).unbind()
    turn, shear, wide, high = _TURN * turn, _SHEAR * shear, 1 + _SCALE * wide, 1 + _SCALE * high
    rows = [
        torch.stack([wide * turn.cos(), shear - turn.sin(), _SHIFT * right], 1),
        torch.stack([turn.sin(), high * turn.cos(), _SHIFT * down], 1),
    ]
    still = torch.eye(2, 3, device=pictures.device)
    affine = torch.stack(rows, 1)  # (B, 2, 3)
    affine = still + strength * (affine - still) * (chosen > 0).float().view(-1, 1, 1)
    grid = F.affine_grid(affine, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False).clamp(0, 1)

"""Running one black picture through an encoder to learn what it gives."""

import torch
from torch import nn

from unbraid.core.errors import ConfigError, UnbraidError
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec, Posterior


def probe(encoder: nn.Module, image: ImageSpec) -> LatentSpec:
    """Encode black pictures, and give what the latents look like.

    Args:
        encoder: gives a `Posterior` for `(B, *image.shape)` in [0, 1]; it is left as it was.
        image: what it takes.

    Raises:
        ConfigError: it does not take such pictures, or does not give one latent a picture.
    """
    tensor = next((t for t in (*encoder.parameters(), *encoder.buffers())), torch.empty(0))
    backbone = Backbone(encoder, None, BackboneInfo(adapter="probe", input=image, latent=LatentSpec((1,))))
    black = torch.zeros(2, *image.shape, device=tensor.device)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found: Posterior = backbone.posterior(black)
    except UnbraidError:
        raise
    except Exception as error:
        raise ConfigError(
            "the encoder does not take such pictures",
            expected=f"pictures of {image}",
            found=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            hint="check size and channels",
        ) from error
    if found.mean.ndim not in (2, 4) or len(found.mean) != len(black):
        raise ConfigError(
            "the encoder does not give one latent a picture",
            expected="2 x D or 2 x C x H x W for two pictures",
            found=" x ".join(map(str, found.mean.shape)),
            hint="choose another tap",
        )
    return LatentSpec(tuple(found.mean.shape[1:]), stochastic=found.log_variance is not None)

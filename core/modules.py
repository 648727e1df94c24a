"""A user's own encoder and decoder as a backbone."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Backbone, BackboneInfo, Encoder, ImageSpec, LatentSpec, Posterior

#: Mean and standard deviation, one number a channel, that the encoder's input is normalised with.
Normalisation = tuple[Sequence[float], Sequence[float]]


def freeze(
    encoder: nn.Module,
    decoder: nn.Module | None = None,
    *,
    input: tuple[int, int, int],
    normalise: Normalisation | None = None,
    posterior: Callable[[Any], Any] | None = None,
    gradient: bool = True,
    exact: bool = False,
    licence: str = "",
    source: str = "",
    trained_on: str = "",
) -> Backbone:
    """Wrap your own encoder, and decoder if you have one, as a backbone that heads can be attached to.

    The modules are used as they are. While a head is attached, or a verb runs, they are in evaluation mode and their
    parameters do not require gradients; afterwards every flag is what it was.

    Args:
        encoder: `(B, C, H, W)` float32 in [0, 1] -> latents `(B, *latent)`, or `(mean, log_variance)`.
        decoder: latents -> images `(B, C, H, W)` in [0, 1].
        input: `(C, H, W)` of the images.
        normalise: `(means, standard deviations)` per channel, applied to images before they reach the encoder.
        posterior: turns what the encoder returns into latents or `(mean, log_variance)`; picks the tap where the
            encoder returns more than that. Its name is part of the fingerprint.
        gradient: whether gradients flow through the modules to their inputs.
        exact: whether the decoder is the exact inverse of the encoder.
        licence, source, trained_on: stated in heads, bundles and reports; `trained_on` is `dataset:split`.

    Returns:
        The backbone. The shape of its latents is found by encoding one black batch.

    Raises:
        ConfigError: the encoder does not take such images, or the decoder does not give them back.

    >>> encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8))
    >>> freeze(encoder, input=(1, 8, 8)).info.latent.shape
    (8,)
    """
    image = ImageSpec(*input)
    wrapped = ModuleEncoder(encoder, normalise, posterior)
    probe = _probe(wrapped, decoder, image)
    capabilities = {"decode"} if decoder is not None else set[str]()
    info = BackboneInfo(
        adapter="modules",
        input=image,
        latent=LatentSpec(tuple(probe.mean.shape[1:]), stochastic=probe.log_variance is not None),
        inverse="none" if decoder is None else "exact" if exact else "amortised",
        capabilities=frozenset(capabilities | ({"gradient"} if gradient else set())),
        config={
            "normalise": [list(part) for part in normalise] if normalise else None,
            "posterior": getattr(posterior, "__name__", None),
        },
        licence=licence,
        source=source,
        trained_on=trained_on,
    )
    return Backbone(wrapped, decoder, info)


class ModuleEncoder(Encoder):
    """An encoder around a user's module: normalises images, and reads what the module returns."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, module: nn.Module, normalise: Normalisation | None, posterior: Callable[[Any], Any] | None
    ) -> None:
        super().__init__()
        self.module = module
        self.normalise = normalise is not None
        self._posterior = posterior
        mean, std = normalise or ((0.0,), (1.0,))
        device = next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))
        self.register_buffer("mean", torch.tensor(mean, device=device).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, device=device).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Posterior:
        """Encode images; see `freeze`."""
        found = self.module((x - self.mean) / self.std if self.normalise else x)
        if self._posterior is not None:
            found = self._posterior(found)
        return Posterior(found) if isinstance(found, Tensor) else Posterior(*found)


def _probe(encoder: ModuleEncoder, decoder: nn.Module | None, image: ImageSpec) -> Posterior:
    """Run a black batch through and check the shapes."""
    backbone = Backbone(encoder, decoder, _UNKNOWN)
    black = torch.zeros(2, *image.shape, device=encoder.mean.device)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            found = backbone.posterior(black)
        except Exception as error:
            raise ConfigError(
                "the encoder does not take such images",
                expected=f"images of 2 x {image}, and latents or (mean, log_variance) back",
                found=f"{type(error).__name__}: {error}",
                hint="check input=(channels, height, width); posterior= picks what the encoder returns",
            ) from error
        if found.mean.ndim not in (2, 4) or found.mean.shape[0] != 2:
            raise ConfigError(
                "the encoder does not give one latent an image",
                expected="2 x D or 2 x C x H x W for two images",
                found=tuple(found.mean.shape),
                hint="flatten or pick the tap in posterior=",
            )
        if decoder is not None:
            _check_decoder(decoder, found.mean, image)
    return found


def _check_decoder(decoder: nn.Module, latents: Tensor, image: ImageSpec) -> None:
    try:
        images = Backbone(nn.Identity(), decoder, _UNKNOWN).decode(latents)
    except Exception as error:
        raise ConfigError(
            "the decoder does not take the encoder's latents",
            expected=f"latents {tuple(latents.shape)}, and images {(2, *image.shape)} back",
            found=f"{type(error).__name__}: {error}",
            hint="wrap the decoder so that it takes what the encoder, or posterior=, gives",
        ) from error
    if not isinstance(images, Tensor) or images.shape != (2, *image.shape):
        raise ConfigError(
            "the decoder does not give back the encoder's images",
            expected=(2, *image.shape),
            found=tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__,
            hint="wrap the decoder so that it returns images of the input's size in [0, 1]",
        )


_UNKNOWN = BackboneInfo(adapter="modules", input=ImageSpec(1, 1, 1), latent=LatentSpec((1,)))

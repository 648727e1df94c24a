"""Autoencoders of diffusers as frozen backbones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unbraid.adapters.backbones.diffusers.config import (
    AutoencoderKLConfig,
    AutoencoderRAEConfig,
    AutoencoderTinyConfig,
    DiffusersConfig,
)
from unbraid.adapters.backbones.diffusers.model import (
    KLDecoder,
    KLEncoder,
    RAEDecoder,
    RAEEncoder,
    TinyDecoder,
    TinyEncoder,
)
from unbraid.core.errors import ArtefactError, CapabilityError, ConfigError, MissingDependencyError
from unbraid.core.interfaces import Backbone, BackboneInfo, Decoder, Encoder, ImageSpec, LatentSpec

#: Class of diffusers -> the adapter that takes it.
ADAPTERS = {
    "AutoencoderKL": "autoencoder_kl",
    "AutoencoderTiny": "autoencoder_tiny",
    "AutoencoderRAE": "autoencoder_rae",
}
#: Settings that say where weights lie.
PLACES = ("weights", "subfolder", "revision", "licence")


def load_kl(config: AutoencoderKLConfig) -> Backbone:
    """Load an `AutoencoderKL`.

    Raises:
        ArtefactError: the weights are missing, incomplete or of another model.
        ConfigError: the size does not fit the model.
    """
    return wrap(_pretrained("AutoencoderKL", config), config, scaled=config.scaled)


def load_tiny(config: AutoencoderTinyConfig) -> Backbone:
    """Load an `AutoencoderTiny`; raises as `load_kl` does."""
    return wrap(_pretrained("AutoencoderTiny", config), config)


def load_rae(config: AutoencoderRAEConfig) -> Backbone:
    """Load an `AutoencoderRAE`; raises as `load_kl` does."""
    return wrap(_pretrained("AutoencoderRAE", config), config)


def adapt(model: object) -> Backbone | None:
    """Wrap an autoencoder that is alive already, with the image size its configuration states.

    Raises:
        CapabilityError: it is another model of diffusers.
    """
    if not isinstance(model, nn.Module):
        return None
    if type(model).__name__ not in ADAPTERS:
        raise CapabilityError(
            f"a {type(model).__name__} of diffusers is no backbone here",
            expected=f"one of {', '.join(ADAPTERS)}",
            found=type(model).__name__,
            hint="pass the autoencoder of a pipeline: pipeline.vae",
        )
    where = str(getattr(model.config, "_name_or_path", "") or "")
    return wrap(model, DiffusersConfig(weights=where), scaled=True)


def wrap(model: nn.Module, config: DiffusersConfig, *, scaled: bool = True) -> Backbone:
    """Make a backbone of a model of diffusers; the model itself is used, not a copy.

    Args:
        model: an `AutoencoderKL`, `AutoencoderTiny` or `AutoencoderRAE`.
        config: image size, and where the weights lie.
        scaled: whether the latents of an `AutoencoderKL` are shifted and scaled.

    Raises:
        ConfigError: the size does not fit the model.
    """
    adapter = ADAPTERS[type(model).__name__]
    stated: Mapping[str, Any] = dict(model.config)  # type: ignore[arg-type]  # a FrozenDict of diffusers
    encoder, decoder, stochastic = _parts(model, stated, scaled)
    size = config.size or _stated_size(stated)
    image = ImageSpec(int(stated.get("in_channels", stated.get("num_channels", 3))), size, size)
    latent = _latent_shape(encoder, decoder, image, model)
    where = str(Path(config.weights).resolve()) if config.weights and Path(config.weights).is_dir() else config.weights
    scaling = {"scaled": scaled} if adapter == "autoencoder_kl" else {}
    info = BackboneInfo(
        adapter=adapter,
        input=image,
        latent=LatentSpec(latent, stochastic=stochastic),
        config={**{name: getattr(config, name) for name in PLACES}, "weights": where, "size": size, **scaling},
        places=PLACES,
        licence=config.licence,
        source=where,
    )
    return Backbone(encoder, decoder, info)


def _parts(model: nn.Module, stated: Mapping[str, Any], scaled: bool) -> tuple[Encoder, Decoder, bool]:
    if type(model).__name__ == "AutoencoderTiny":
        return TinyEncoder(model), TinyDecoder(model), False
    if type(model).__name__ == "AutoencoderRAE":
        return RAEEncoder(model), RAEDecoder(model), False
    shift = float(stated.get("shift_factor") or 0.0) if scaled else 0.0
    scale = float(stated["scaling_factor"]) if scaled else 1.0
    return KLEncoder(model, shift, scale), KLDecoder(model, shift, scale), True


def _stated_size(stated: Mapping[str, Any]) -> int:
    """Give the image size a model states: the one it decodes to, or was trained on; 256 where it says nothing."""
    found = stated.get("image_size") or stated.get("sample_size") or 256
    return int(found[0] if isinstance(found, list | tuple) else found)


def _latent_shape(encoder: Encoder, decoder: Decoder, image: ImageSpec, model: nn.Module) -> tuple[int, ...]:
    """Encode and decode one black image to learn the shape of its latent, and to see that it comes back in its size."""
    device = next(model.parameters()).device
    probe = Backbone(encoder, decoder, BackboneInfo(adapter="probe", input=image, latent=LatentSpec((1,))))
    try:
        with torch.no_grad():
            latent = probe.encode(torch.zeros(1, *image.shape, device=device))
            back = tuple(probe.decode(latent).shape[1:])
    except (RuntimeError, ValueError) as error:
        raise _wrong_size(model, image, f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
    if back != image.shape:
        raise _wrong_size(model, image, f"{' x '.join(map(str, back))} back")
    return tuple(latent.shape[1:])


def _wrong_size(model: nn.Module, image: ImageSpec, found: str) -> ConfigError:
    return ConfigError(
        f"{type(model).__name__} does not take such images",
        expected=f"{image} in, {image} back",
        found=found,
        hint="set size to a multiple of what the model halves by, 8 for Stable Diffusion; a RAE decodes to one size",
    )


def _pretrained(name: str, config: DiffusersConfig) -> nn.Module:
    import diffusers

    cls = getattr(diffusers, name, None)
    if cls is None:
        raise MissingDependencyError(
            f"this version of diffusers has no {name}",
            expected=f"a diffusers with {name}",
            found=f"diffusers {diffusers.__version__}",
            hint="pip install --upgrade diffusers",
        )
    if not config.weights:
        raise ConfigError(
            f"nothing says where the weights of this {name} are",
            expected="a folder that save_pretrained wrote, or a repository on the hub",
            found="no weights",
            hint="a head for a live model is loaded with it: unbraid.load(path, backbone=model)",
        )
    folder = Path(config.weights)
    local = folder.is_dir()
    if not local and (folder.is_absolute() or config.weights.startswith((".", "~"))):
        raise ArtefactError(
            "there are no such weights", expected="a folder that save_pretrained wrote", found=config.weights
        )
    try:
        model: nn.Module = cls.from_pretrained(
            str(folder.resolve()) if local else config.weights,
            subfolder=config.subfolder,
            revision=config.revision,
            local_files_only=local,
            use_safetensors=True,  # the other format is pickle
            low_cpu_mem_usage=False,
            torch_dtype=torch.float32,
        )
    except Exception as error:
        raise _not_loaded(name, config, error) from error
    return model.eval()


def _not_loaded(name: str, config: DiffusersConfig, error: Exception) -> ArtefactError:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return ArtefactError(
        f"{config.weights} cannot be loaded as {name}",
        expected="a folder with config.json and safetensors that save_pretrained wrote, or a repository on the hub",
        found=f"{type(error).__name__}: {first[:200]}",
        hint="in a whole pipeline the autoencoder lies in subfolder='vae'; without a network, pass a local folder",
    )

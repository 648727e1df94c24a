"""Settings of the adapters; imports no torch."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusersConfig:
    """What the three adapters have in common.

    Args:
        weights: a local folder that `save_pretrained` wrote, or the name of a repository on the hub.
        subfolder: of the autoencoder within it, `vae` in a whole pipeline.
        revision: branch, tag or commit of a repository on the hub.
        size: height and width of the images; None takes the size the model states. The latent map shrinks with it.
        licence: of the weights, where they state none.

    Raises:
        ConfigError: the size is below 1.
    """

    weights: str
    subfolder: str | None = None
    revision: str | None = None
    size: int | None = None
    licence: str = ""

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ConfigError("size is out of range", expected=">= 1", found=self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderKLConfig(DiffusersConfig):
    """Settings of `load_backbone("autoencoder_kl", ...)`; see `DiffusersConfig`.

    Args:
        scaled: whether latents are shifted and scaled as the diffusion model takes them, about unit variance, by the
            factors of the model; else they are as the encoder gives them.
    """

    scaled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderTinyConfig(DiffusersConfig):
    """Settings of `load_backbone("autoencoder_tiny", ...)`; see `DiffusersConfig`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderRAEConfig(DiffusersConfig):
    """Settings of `load_backbone("autoencoder_rae", ...)`; see `DiffusersConfig`."""

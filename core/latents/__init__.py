"""The latent cache: a frozen encoder runs once over the data."""

from unbraid.core.latents.encode import encode_cache, encode_dataset
from unbraid.core.latents.latents import LatentMode, Latents

__all__ = ["LatentMode", "Latents", "encode_cache", "encode_dataset"]

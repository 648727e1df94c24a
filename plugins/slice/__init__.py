"""Factors that are ranges of the latent, for backbones whose latents are split already."""

"""The autoencoders of diffusion models, loaded by the library diffusers."""

"""Tiny autoencoders with the latent interface of diffusion models, as their author publishes them."""

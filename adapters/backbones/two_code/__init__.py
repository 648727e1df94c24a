"""Autoencoders with an unspecified and a specified code: cycle-VAE, and Mathieu's and Szabo's networks."""

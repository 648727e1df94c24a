"""Heads with a specified and an unspecified code: what cycle-VAE and the methods it is compared with have in common."""

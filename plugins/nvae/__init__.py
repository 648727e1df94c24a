"""N-VAE: a class, latents that classes share, and latents each class reads in its own way (Antoran and Miguel 2019)."""

"""Szabo et al. 2017: an autoencoder of two codes against a pair discriminator, without a prior."""

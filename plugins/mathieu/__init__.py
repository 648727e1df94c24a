"""Mathieu et al. 2016: a variational autoencoder of two codes against a pair discriminator."""

"""A small convolutional variational autoencoder."""

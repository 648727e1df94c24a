"""The convolutional VAE of Burgess et al., as published checkpoints of several objectives have it."""

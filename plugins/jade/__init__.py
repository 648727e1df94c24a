"""JADE: autoencoders of two domains that share a classifier and a content space."""

"""MNIST with the writer of every digit."""

"""One of two distributions that provide the same name."""

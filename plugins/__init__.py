"""Disentanglers: one folder per method, each found through its manifest."""

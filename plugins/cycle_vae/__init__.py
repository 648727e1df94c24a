"""Cycle-consistent VAE: a specified and an unspecified code by forward and reverse cycles (Jha et al. 2018)."""

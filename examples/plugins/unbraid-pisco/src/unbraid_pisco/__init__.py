"""PISCO for Unbraid (Ngweta et al. 2023, arXiv 2302.09795)."""

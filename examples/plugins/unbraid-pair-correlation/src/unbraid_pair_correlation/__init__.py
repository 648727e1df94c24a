"""Correlation of factors between samples that share a label, for Unbraid (after Esser et al. 2020, section 3.3)."""

"""Invertible interpretation networks for Unbraid (Esser, Rombach and Ommer 2020, arXiv 2004.13166)."""

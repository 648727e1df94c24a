"""Shapes drawn from numbers, so that every factor is known."""

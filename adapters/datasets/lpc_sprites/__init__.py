"""Pixel-art characters put together from layers."""

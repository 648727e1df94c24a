"""Encoders of the library timm."""

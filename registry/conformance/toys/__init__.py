"""Toys that plug-ins are checked on: backbones with nasty habits, and a small data set."""

from unbraid.registry.conformance.toys.backbones import TOY_BACKBONES, USUAL, ToyBackbone, toy_backbone
from unbraid.registry.conformance.toys.dataset import toy_dataset

__all__ = ["TOY_BACKBONES", "USUAL", "ToyBackbone", "toy_backbone", "toy_dataset"]

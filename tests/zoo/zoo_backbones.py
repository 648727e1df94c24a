"""The toy backbones of the conformance suite, by the names the zoo calls them."""

from unbraid.registry.conformance.toys import TOY_BACKBONES

vector = TOY_BACKBONES["vector"]
feature_map = TOY_BACKBONES["map"]
encoder_only = TOY_BACKBONES["no-decoder"]
no_gradient = TOY_BACKBONES["no-gradient"]
pixels = TOY_BACKBONES["pixels"]

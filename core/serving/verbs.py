"""The verbs on latents, on numpy arrays; those on images are these between an encoder and a decoder."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from unbraid.core.bundle import Manifest
from unbraid.core.composition import check_pairs, interpolate_factors, interpolation_weights, transfer_factors
from unbraid.core.errors import CapabilityError
from unbraid.core.serving.graphs import Graphs
from unbraid.core.serving.session import Array

if TYPE_CHECKING:
    from unbraid.core.interfaces.specs import Role  # the package it lives in imports torch

# Shapes: B batch, * the latent's own shape, S steps of an interpolation.


class ServedLatents:
    """What the graphs of a head do with latents `(B, *latent)`."""

    def __init__(self, graphs: Graphs, manifest: Manifest) -> None:
        self._graphs = graphs
        self._manifest = manifest

    def disentangle(self, z: Array) -> dict[str, Array]:
        """Split latents `(B, *latent)` into factors `(B, *factor)`.

        Raises:
            DataError: wrong shape or dtype, or NaN.
        """
        return self._graphs.run("disentangle", {"latent": z})

    def entangle(self, factors: Mapping[str, Array]) -> Array:
        """Put factors `(B, *factor)` together to latents `(B, *latent)`.

        Raises:
            CapabilityError: the method cannot.
            DataError: a factor is missing or has the wrong shape.
        """
        return self._graphs.run("entangle", factors)["latent"]

    def reconstruct(self, z: Array) -> Array:
        """Take latents apart and put them together again, `(B, *latent)`."""
        self._graphs.require("entangle")
        return self.entangle(self.disentangle(z))

    def transfer(self, *, content: Array, style: Array) -> Array:
        """Combine the content of some latents with the style (and rest) of others, row by row."""
        self._graphs.require("entangle")
        check_pairs(content, style)
        return self.entangle(transfer_factors(self._roles, self.disentangle(content), self.disentangle(style)))

    def interpolate(self, first: Array, second: Array, steps: int = 5) -> Array:
        """Mix content and style of two sets of latents independently.

        Returns:
            `(S, S, B, *latent)`: content goes from first to second along the first axis, style along the second.
        """
        self._graphs.require("entangle")
        check_pairs(first, second)
        one, two = self.disentangle(first), self.disentangle(second)
        grid = [
            self.entangle(interpolate_factors(self._roles, one, two, a, b)) for a, b in interpolation_weights(steps)
        ]
        return np.stack(grid).reshape(steps, steps, *grid[0].shape)

    def score(self, first: Array, second: Array) -> Array:
        """Say how alike the contents of two sets of latents are, `(B,)`; higher is more alike.

        Raises:
            CapabilityError: the method cannot.
        """
        self._graphs.require("score")
        check_pairs(first, second)
        name = self._content()
        pair = {"first": self.disentangle(first)[name], "second": self.disentangle(second)[name]}
        return self._graphs.run("score", pair)["score"]

    def classify(self, z: Array) -> Array:
        """Give class logits `(B, classes)` of latents.

        Raises:
            CapabilityError: the method cannot.
        """
        (logits,) = self._graphs.run("classify", {"latent": z}).values()
        return logits

    @property
    def _roles(self) -> "dict[str, Role]":
        return self._manifest.roles

    def _content(self) -> str:
        for name, role in self._roles.items():
            if role == "content":
                return name
        raise CapabilityError(
            "the head has no content factor", expected="a factor of role 'content'", found=self._roles
        )

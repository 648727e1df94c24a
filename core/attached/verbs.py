"""The verbs on latents; those on images are these between an encoder and a decoder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from unbraid.core.composition import check_pairs, interpolate_factors, interpolation_weights, transfer_factors
from unbraid.core.errors import DataError
from unbraid.core.interfaces import Disentangler
from unbraid.core.interfaces.specs import Role

# Shapes: B batch, * the latent's own shape, S steps of an interpolation.


class LatentVerbs:
    """What a head does with latents `(B, *latent)`; always in evaluation mode and without gradients."""

    def __init__(self, head: Disentangler) -> None:
        self._head = head
        self._roles: dict[str, Role] = {factor.name: factor.role for factor in head.factors}

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into factors `(B, *factor)`."""
        z = self._checked(z)
        with evaluating(self._head):
            return self._head.disentangle(z)

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put factors `(B, *factor)` together to latents `(B, *latent)`.

        Raises:
            CapabilityError: the method cannot.
            DataError: a factor is missing or has the wrong shape.
        """
        self._check_factors(factors)
        with evaluating(self._head):
            return self._head.entangle(factors)

    def reconstruct(self, z: Tensor) -> Tensor:
        """Take latents apart and put them together again, `(B, *latent)`."""
        return self.entangle(self.disentangle(z))

    def transfer(self, *, content: Tensor, style: Tensor) -> Tensor:
        """Combine the content of some latents with the style (and rest) of others, row by row."""
        check_pairs(content, style)
        return self.entangle(transfer_factors(self._roles, self.disentangle(content), self.disentangle(style)))

    def interpolate(self, first: Tensor, second: Tensor, steps: int = 5) -> Tensor:
        """Mix content and style of two sets of latents independently.

        Returns:
            `(S, S, B, *latent)`: content goes from first to second along the first axis, style along the second.
        """
        check_pairs(first, second)
        a, b = self.disentangle(first), self.disentangle(second)
        mixed = [
            self.entangle(interpolate_factors(self._roles, a, b, content, style))
            for content, style in interpolation_weights(steps)
        ]
        return torch.stack(mixed).view(steps, steps, *mixed[0].shape)

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Say how alike the contents of two sets of latents are, `(B,)`; higher is more alike."""
        check_pairs(first, second)
        name = self._head.factor("content").name
        a, b = self.disentangle(first)[name], self.disentangle(second)[name]
        with evaluating(self._head):
            return self._head.score(a, b)

    def _checked(self, z: Tensor) -> Tensor:
        shape = self._head.latent.shape
        if z.shape[1:] != shape or z.ndim != len(shape) + 1:
            raise DataError("latents of the wrong shape", expected=("B", *shape), found=tuple(z.shape))
        if not bool(torch.isfinite(z).all()):
            raise DataError("latents must be finite", expected="no NaN or infinity", found="some")
        return z

    def _check_factors(self, factors: Mapping[str, Tensor]) -> None:
        wanted = {factor.name: factor.shape for factor in self._head.factors}
        found = {name: tuple(value.shape[1:]) for name, value in factors.items()}
        if found != wanted:
            raise DataError(
                "these are not the factors of this head",
                expected=wanted,
                found=found,
                hint="pass every factor that disentangle gives, under its name",
            )


@contextmanager
def evaluating(head: Disentangler) -> Iterator[None]:
    """Run a block with the head in evaluation mode and without gradients; its mode is given back."""
    training = head.training
    head.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        head.train(training)

"""Counter-based randomness: a draw depends on (seed, stream, step) and on nothing else."""

import hashlib

import torch
from torch import Tensor


def derive_seed(seed: int, stream: str, step: int) -> int:
    """Give the 63-bit seed of one step of one stream.

    Streams and steps never share state, so resuming a run is one integer and an evaluation in between changes nothing.

    >>> derive_seed(0, "train", 1) == derive_seed(0, "train", 1)
    True
    >>> derive_seed(0, "train", 1) == derive_seed(0, "train", 2)
    False
    """
    digest = hashlib.sha256(f"{seed}/{stream}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Draws:
    """Random tensors of one step, on one device; the same (seed, stream, step) gives the same numbers.

    On the `meta` device the tensors have shape and no values. `step` is there for losses that change over a run.

    >>> bool((Draws(0, "a", 3).normal(4) == Draws(0, "a", 3).normal(4)).all())
    True
    """

    def __init__(self, seed: int, stream: str, step: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.step = step
        self.generator: torch.Generator | None = None
        if self.device.type != "meta":
            self.generator = torch.Generator(self.device)
            self.generator.manual_seed(derive_seed(seed, stream, step))

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of the given shape."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [0, 1) of the given shape."""
        return torch.rand(shape, generator=self.generator, device=self.device)

    def below(self, high: Tensor) -> Tensor:
        """Integers in [0, high), elementwise; `high` is an integer tensor."""
        # float64, so that rounding cannot reach `high` for any row count that fits in memory
        u = torch.rand(high.shape, generator=self.generator, device=self.device, dtype=torch.float64)
        return (u * high).long()

    def permutation(self, n: int) -> Tensor:
        """A random order of 0 .. n-1."""
        return self.uniform(n).argsort()

    def distinct(self, high: Tensor, k: int) -> Tensor:
        """Draw k different integers in [0, high) for each element, in random order, exactly uniformly.

        The first k cards of a Fisher-Yates shuffle, without the deck. Static shapes and no host synchronisation; cost
        grows with k, not with `high`.

        Args:
            high: integer tensor of any shape, every element at least k.

        Returns:
            Integer tensor of shape `(*high.shape, k)`.
        """
        dealt = torch.arange(k, device=self.device)
        swapped = dealt + self.below(high.unsqueeze(-1) - dealt)  # step i swaps cards i and swapped[i] >= i
        found = swapped.clone()
        for i in range(k - 2, -1, -1):  # a card that step i had put away is the one that lay at i before
            later = found[..., i + 1 :]
            later.masked_fill_(later == swapped[..., i : i + 1], i)
        return found

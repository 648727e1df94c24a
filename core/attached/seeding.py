"""Randomness of what a head does before and after training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unbraid.core.interfaces import derive_seed


@contextmanager
def seeded(seed: int, stream: str) -> Iterator[None]:
    """Run a block from a seed of its own, and leave the global generators as they were.

    Args:
        seed: of the run or of the initial weights.
        stream: what the block does, so that two blocks do not draw the same numbers.
    """
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive_seed(seed, stream, 0))
        yield

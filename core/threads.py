"""How many CPU threads torch uses: one is fastest for heads, all cores for encoders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def core_count() -> int:
    """Give the cores this process may run on, or what the user set in `OMP_NUM_THREADS`."""
    wish = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wish.isdecimal() and int(wish) > 0:
        return int(wish)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

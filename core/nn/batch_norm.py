"""Batch-norm statistics of the finished network, in place of the trail that training left."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

#: The layers that are meant; a map counts as a row at every position.
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d


class _Moments:
    """Running sums of what goes into one layer."""

    def __init__(self, layer: BatchNorm) -> None:
        assert layer.running_mean is not None
        self.total = torch.zeros_like(layer.running_mean, dtype=torch.float64)
        self.squares = torch.zeros_like(self.total)
        self.count = 0

    def watch(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows = inputs[0].double().movedim(1, -1).flatten(0, -2)
        self.total += rows.sum(0)
        self.squares += rows.square().sum(0)
        self.count += rows.shape[0]

    def write(self, layer: BatchNorm) -> None:
        assert layer.running_mean is not None and layer.running_var is not None
        mean = self.total / self.count
        layer.running_mean.copy_(mean)
        layer.running_var.copy_((self.squares / self.count - mean.square()).clamp_min(0))


def recalibrate_batch_norm(module: nn.Module, run: Callable[[], Iterable[object]]) -> None:
    """Set the statistics of every batch-norm layer below `module` to those of the data it sees in evaluation mode.

    Layers are set one after the other in the order in which they run, each with those before it already final: what
    is left is exact for the whole data set (population variance), however it is cut in chunks. Layers that `run` does
    not reach keep their statistics. Modes are as they were afterwards.

    Args:
        module: the network.
        run: walks over the data, and forwards a chunk each time the iterator advances; called once for the order
            and once a layer.
    """
    with torch.no_grad(), _evaluation(module):
        for layer in _in_order(module, run):
            moments = _Moments(layer)
            with _hooked(layer, moments.watch):
                _exhaust(run())
            moments.write(layer)


def _in_order(module: nn.Module, run: Callable[[], Iterable[object]]) -> list[BatchNorm]:
    """Find the layers in the order of their first use."""
    found: list[BatchNorm] = []

    def note(layer: nn.Module, _: object) -> None:
        if isinstance(layer, BatchNorm) and layer not in found:
            found.append(layer)

    layers = [m for m in module.modules() if isinstance(m, BatchNorm) and m.track_running_stats]
    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        _exhaust(run())
    finally:
        for handle in handles:
            handle.remove()
    return found


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def _hooked(layer: nn.Module, hook: Callable[[nn.Module, tuple[Tensor, ...]], None]) -> Iterator[None]:
    handle = layer.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _exhaust(chunks: Iterable[object]) -> None:
    for _ in chunks:
        pass

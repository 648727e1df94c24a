"""What the layers of a network give, to be held against the tables of papers."""

from torch import nn


def shapes_of(network, *inputs, kinds):
    """Kind and output shape of every layer of these kinds, in the order in which they run."""
    found = []
    hooks = [
        layer.register_forward_hook(lambda m, _, out: found.append((type(m).__name__, tuple(out.shape[1:]))))
        for layer in network.modules()
        if isinstance(layer, kinds)
    ]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return found


def count(network: nn.Module) -> int:
    """Parameters of a network."""
    return sum(p.numel() for p in network.parameters())

"""Starting weights."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from torch import Tensor, nn

from unbraid.core.errors import UnknownNameError

Initialiser = Literal["glorot", "he", "truncated_normal"]


def _truncated_normal(weight: Tensor, std: float = 0.001) -> Tensor:
    return nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


INITIALISERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "glorot": nn.init.xavier_normal_,
    "he": partial(nn.init.kaiming_normal_, nonlinearity="leaky_relu", a=0.01),
    "truncated_normal": _truncated_normal,
}


def initialise(module: nn.Module, how: Initialiser) -> None:
    """Draw new weights for every linear and convolutional layer below `module`; biases become zero.

    Draws from torch's global generator, as layers do when they are made.

    Args:
        module: what is initialised, in place.
        how: `glorot` (normal, Glorot and Bengio 2010), `he` (normal, He et al. 2015, for leaky ReLU), or
            `truncated_normal` (standard deviation 0.001, cut at two of them; printed in the FDEN paper).

    Raises:
        UnknownNameError: no such initialiser.
    """
    if how not in INITIALISERS:
        raise UnknownNameError("initialiser", how, INITIALISERS)
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            INITIALISERS[how](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

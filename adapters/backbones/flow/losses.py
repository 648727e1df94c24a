"""How many bits the flow needs for a picture."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from unbraid.adapters.backbones.flow.model import Flow
from unbraid.core.interfaces import Draws, Losses, Rows, Term


class Likelihood:
    """The negative log-likelihood of pictures under the flow, in bits a pixel of a channel.

    Bytes are spread over their bins by uniform noise, which bounds the likelihood of the bytes themselves (Theis et al.
    2016, section 3.1).

    Args:
        flow: is trained.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def __call__(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the loss of one batch of `Rows` whose `z` are pictures `(B, C, S, S)` in [0, 1]."""
        rows: Rows = batch["pictures"]
        return {"bits": Term(bits(self.flow, rows.z, draws.uniform(*rows.z.shape)).mean())}


def bits(flow: Flow, pictures: Tensor, noise: Tensor | float = 0.5) -> Tensor:
    """Give the bits a pixel of a channel that each picture costs, `(B,)`.

    Args:
        flow: the model.
        pictures: `(B, C, S, S)` in [0, 1].
        noise: where in the bin of its byte each pixel is.
    """
    z, slope = flow(pictures, noise)
    nats = 0.5 * (z.square() + math.log(2 * math.pi)).flatten(1).sum(1) - slope
    pixels = pictures[0].numel()
    # The flow sees [0, 1], where the 256 bins are 1 / 255 apart: densities a bin are those a unit by 255.
    found: Tensor = (nats / pixels + math.log(255)) / math.log(2)
    return found

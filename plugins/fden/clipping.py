"""Adaptive gradient clipping: the critic may never pull harder than the task."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor


def adaptively_clipped(
    task: Sequence[Tensor], adversarial: Sequence[Tensor], how: Literal["global", "per_tensor"]
) -> list[Tensor]:
    """Shorten the adversarial gradient to the length of the task gradient, where it is longer.

    Equation (7) of the FDEN paper: `g_a = min(||g_u||, ||g_m||) g_m / ||g_m||`. A zero gradient stays zero. Nothing
    waits for the device.

    Args:
        task: g_u, a tensor for each parameter.
        adversarial: g_m, likewise.
        how: `global` takes one norm over all tensors, as the equation reads. `per_tensor` takes one for each matrix
            and leaves vectors (biases, batch norm) as they are, as the authors' code does.

    Returns:
        g_a, a tensor for each parameter.

    >>> adaptively_clipped([torch.tensor([3.0, 4.0])], [torch.tensor([0.0, 10.0])], "global")
    [tensor([0., 5.])]
    """
    if how == "global":
        scale = _scale(torch.nn.utils.get_total_norm(task), torch.nn.utils.get_total_norm(adversarial))
        return [m * scale for m in adversarial]
    pairs = zip(task, adversarial, strict=True)
    return [m * _scale(u.norm(), m.norm()) if m.ndim > 1 else m for u, m in pairs]


def _scale(task: Tensor, adversarial: Tensor) -> Tensor:
    # the floor only keeps 0 / 0 away: a zero gradient times any finite scale is zero
    return (task / adversarial.clamp_min(torch.finfo(adversarial.dtype).tiny)).clamp_max(1.0)

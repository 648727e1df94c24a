"""Nothing moves."""

import torch

from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import check


@check("frozen", "backbone")
def untouched(case: BackboneCase) -> None:
    """Encoding and decoding leave weights, every buffer, modes and flags as they were, bit for bit.

    Breaks: the backbone drifts while it is used; figures of the morning and the evening differ.

    Mend: no statistics in evaluation mode, no `.train()` or `.eval()` in `forward`, no counters in buffers.
    """
    guard = case.guard
    case.backbone.encode(case.pictures)
    if case.backbone.decoder is not None:
        with torch.no_grad():
            case.backbone.decode(case.z)
    guard.verify()


@check("frozen", "backbone")
def training_mode(case: BackboneCase) -> None:
    """`train()` on the backbone does not reach its parts.

    Breaks: a training loop that calls `model.train()` switches batch norm and dropout of the frozen model on.

    Mend: leave `train` to the base class.
    """
    guard = case.guard
    case.backbone.train()
    guard.verify()

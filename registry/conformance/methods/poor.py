"""The same backbone with an ability less."""

import dataclasses
from typing import Any

import torch
from torch import nn

from unbraid.core.interfaces import Backbone


class _NoGradient(nn.Module):
    """A module whose results remember nothing, as those of an ONNX file do."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> Any:
        with torch.no_grad():
            return self.module(x)


def without(backbone: Backbone, capability: str) -> Backbone:
    """Give a backbone that cannot `decode`, or lets no `gradient` through, and otherwise does what it did."""
    info = dataclasses.replace(backbone.info, capabilities=backbone.info.capabilities - {capability})
    if capability == "decode":
        return Backbone(backbone.encoder, None, dataclasses.replace(info, inverse="none"))
    decoder = None if backbone.decoder is None else _NoGradient(backbone.decoder)
    return Backbone(_NoGradient(backbone.encoder), decoder, info)

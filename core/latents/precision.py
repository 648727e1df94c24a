"""In what precision a frozen encoder computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces.backbone import BackboneInfo

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def check_precision(precision: Precision, info: BackboneInfo) -> None:
    """Raise unless the encoder can compute so.

    Raises:
        ConfigError: there is no such precision.
        CapabilityError: the encoder computes outside torch, at a precision of its own.
    """
    if precision not in PRECISIONS:
        raise ConfigError("unknown precision of the encoder", expected=" or ".join(PRECISIONS), found=precision)
    if precision != "float32" and "gradient" not in info.capabilities:
        raise CapabilityError(
            f"the backbone {info.adapter!r} has a precision of its own",
            expected="precision float32, or an encoder that torch runs",
            found=precision,
        )


@contextmanager
def computing(device: torch.device, precision: Precision) -> Iterator[None]:
    """Let matrix products and convolutions run in a precision; sums and norms stay in float32, as autocast has it."""
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield


def laid_out(x: Tensor, precision: Precision) -> Tensor:
    """Put channels last where that is faster: half-precision convolutions; float32 keeps its order and its bits."""
    return x.contiguous(memory_format=torch.channels_last) if precision == "bfloat16" else x

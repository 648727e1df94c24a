"""How latents are kept: float32, float16, or bytes that mean value * 255."""

import torch
from torch import Tensor

from unbraid.core.errors import ConfigError, NonFiniteError
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.interfaces.specs import LatentSpec
from unbraid.core.latents.shard import Block

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "uint8": torch.uint8}


def allocate(spec: LatentSpec, rows: int) -> Block:
    """Make room for the latents of so many rows.

    Raises:
        ConfigError: the storage is unknown, or bytes are asked for where there is a variance.
    """
    if spec.storage not in _DTYPES or (spec.storage == "uint8" and spec.stochastic):
        raise ConfigError(
            "latents cannot be stored like that",
            expected="float32, float16, or, for latents without variance, uint8",
            found=f"{spec.storage}{' with variance' if spec.stochastic else ''}",
        )
    with torch.inference_mode(False):
        mean = torch.empty((rows, *spec.shape), dtype=_DTYPES[spec.storage])
        return Block(mean, torch.empty_like(mean) if spec.stochastic else None)


def store(posterior: Posterior, into: Block, spec: LatentSpec, first_row: int) -> None:
    """Put a batch where it belongs.

    Args:
        posterior: what the encoder gave, on any device.
        into: as many rows.
        spec: what the encoder should give.
        first_row: of the batch in the data set, for messages.

    Raises:
        ConfigError: another shape than `spec`, or a variance where it has none, or the other way round.
        NonFiniteError: a NaN, an infinity, or a value the storage cannot hold.
    """
    if (posterior.log_variance is not None) != spec.stochastic:
        raise ConfigError(
            "the encoder does not give what its info says",
            expected=f"a posterior {'with' if spec.stochastic else 'without'} log_variance",
            found="one without" if spec.stochastic else "one with",
            hint=f"set stochastic={not spec.stochastic} in the LatentSpec of the backbone",
        )
    for name, place in into.tensors.items():
        _store(getattr(posterior, name), place, name, first_row)


def _store(value: Tensor, place: Tensor, name: str, first_row: int) -> None:
    if value.shape != place.shape:
        raise ConfigError(
            f"the encoder gives a {name} of another shape than its info says",
            expected=tuple(place.shape),
            found=tuple(value.shape),
            hint="set the shape in the LatentSpec of the backbone",
        )
    value = value.cpu()
    _refuse(value.isfinite(), value, f"{name} is NaN or infinite", first_row)
    if place.dtype == torch.uint8:
        _refuse((value >= 0) & (value <= 1), value, f"{name} lies outside [0, 1], which bytes cannot hold", first_row)
        value = (value * 255).round()
    place.copy_(value)
    if place.dtype == torch.float16:
        _refuse(place.isfinite(), value, f"{name} is too large for float16", first_row)


def _refuse(good: Tensor, value: Tensor, problem: str, first_row: int) -> None:
    if bool(good.all()):
        return
    bad = (~good.flatten(1).all(1)).nonzero().flatten()
    rows = [first_row + int(i) for i in bad[:5]]
    more = f" and {len(bad) - 5} more in this batch" if len(bad) > 5 else ""
    raise NonFiniteError(
        f"latents cannot be stored: {problem}",
        expected="finite numbers the storage can hold",
        found=f"rows {', '.join(map(str, rows))}{more}; row {rows[0]} has {float(value[bad[0]][~good[bad[0]]][0]):g}",
        hint="look at these images, and at the encoder in evaluation mode; storage float32 holds the most",
    )

"""Which device work runs on."""

import os

import torch

from unbraid.core.errors import ConfigError


def resolve_device(device: "str | torch.device" = "auto") -> torch.device:
    """Give the torch device of a name; `auto` takes CUDA, else Apple's MPS, else the CPU.

    Where torchrun started several processes on a machine, `auto` spreads them over its GPUs.

    Raises:
        ConfigError: there is no such device here.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return _best()
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise _unknown(device) from error
    if found.type == "meta" or found.type == "cpu":
        return found
    if found.type not in _available() or (found.index or 0) >= _count(found.type):
        raise _unknown(device)
    return found


def _best() -> torch.device:
    kind = next(iter(_available()))
    place = os.environ.get("LOCAL_RANK", "")
    return torch.device(kind, int(place) % _count(kind)) if kind == "cuda" and place.isdecimal() else torch.device(kind)


def _available() -> list[str]:
    cuda = ["cuda"] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1


def _unknown(device: "str | torch.device") -> ConfigError:
    return ConfigError(
        f"there is no device {str(device)!r} here",
        expected=f"auto, {', '.join(_available())}" + (f" (cuda:0 .. {_count('cuda') - 1})" if _count("cuda") else ""),
        found=str(device),
        hint="leave the device out to take the best one",
    )

"""Copies of modules that export may change at will, whatever the original is doing."""

from collections.abc import Iterator
from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from unbraid.core.errors import ExportError


def evaluation_copy(module: nn.Module) -> nn.Module:
    """Copy a module to the CPU, in evaluation mode, with nothing that requires gradients.

    Raises:
        ExportError: something in the module cannot be copied.
    """
    try:
        copied = deepcopy(module, _detached(module))
    except (TypeError, RuntimeError) as error:
        raise ExportError(
            f"{type(module).__name__} cannot be copied",
            expected="a module of tensors and plain values",
            found=str(error).splitlines()[0],
            hint="keep locks, files and generators out of modules",
        ) from error
    return copied.cpu().eval().requires_grad_(False)


def bake(module: nn.Module) -> None:
    """Replace reparametrised weights by their values, in place; decompositions have no ONNX operators.

    Handles parametrisations (orthogonal, weight and spectral norm) as well as the older hooks.
    """
    with torch.no_grad():
        for part in list(module.modules()):
            if parametrize.is_parametrized(part):
                _bake_parametrisations(part)
            for hook in list(part._forward_pre_hooks.values()):
                _bake_hook(part, hook)


def _detached(module: nn.Module) -> dict[int, Tensor]:
    """Give the memo of `deepcopy`: results of a forward pass, such as the weight of a weight norm, cannot be copied."""
    return {id(t): t.detach().clone() for part in module.modules() for t in _tensors(part) if not t.is_leaf}


def _tensors(part: nn.Module) -> Iterator[Tensor]:
    yield from (value for value in vars(part).values() if isinstance(value, Tensor))
    yield from (value for value in part._buffers.values() if value is not None)


def _bake_parametrisations(part: nn.Module) -> None:
    # A parametrised module has a class of its own, which the copy shares with the original, and removing takes the
    # property off that class: without a class of the copy's own this would break the live model.
    part.__class__ = _own_class(type(part))
    assert isinstance(part.parametrizations, nn.ModuleDict)
    for name in list(part.parametrizations):
        parametrize.remove_parametrizations(part, name, leave_parametrized=True)


def _own_class(kind: type[nn.Module]) -> type[nn.Module]:
    members = {name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    return cast("type[nn.Module]", type(kind.__name__, kind.__bases__, members))


def _bake_hook(part: nn.Module, hook: object) -> None:
    if isinstance(hook, WeightNorm):
        remove_weight_norm(part, hook.name)
    elif isinstance(hook, SpectralNorm):
        remove_spectral_norm(part, hook.name)
    elif isinstance(hook, BasePruningMethod):
        hook.remove(part)

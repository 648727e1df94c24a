"""The stored identity of a model: a hash over tensor contents that does not depend on the machine."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

ALGORITHM = "sha256-tensors-v1"


def fingerprint_of(module: nn.Module, described: Mapping[str, Any]) -> str:
    """Hash the parameters and persistent buffers of a module together with a description of its configuration.

    Args:
        module: what is identified; its tensors may be on any device.
        described: JSON values that are part of the identity (configuration, preprocessing, tap).

    Returns:
        `sha256-tensors-v1:` and 64 hexadecimal digits.
    """
    return fingerprint_of_tensors(module.state_dict(), described)


def fingerprint_of_tensors(tensors: Mapping[str, Any], described: Mapping[str, Any]) -> str:
    """Same as `fingerprint_of`, for tensors by name; other values are left out."""
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        if isinstance(tensor, Tensor):
            update_with_tensor(digest, name, tensor)
    return f"{ALGORITHM}:{digest.hexdigest()}"


def update_with_tensor(digest: "hashlib._Hash", name: str, tensor: Tensor) -> None:
    """Feed name, dtype, shape and little-endian C-order bytes of a tensor to a hash."""
    digest.update(f"{name}|{str(tensor.dtype).removeprefix('torch.')}|{tuple(tensor.shape)}|".encode())
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if flat.numel():
        # numpy knows no bfloat16; a byte view carries every dtype
        digest.update(flat.view(torch.uint8).numpy().data)

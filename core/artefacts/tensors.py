"""Tensors on disk as safetensors, never pickle."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unbraid.core.artefacts.storage import storage_errors
from unbraid.core.errors import DamagedArtefactError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def write_tensors(path: Path | str, tensors: "Mapping[str, Tensor]") -> None:
    """Write tensors, each with its own contiguous copy of its values, with the metadata `{"format": "pt"}`.

    The file mode follows the umask. Tied tensors are written twice and come back equal, not tied.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path = Path(path)
    owned = _own(tensors)
    with storage_errors(path):
        existed = path.exists()
        mode = _mode_of_new_file(path)
        try:
            save_file(owned, path, metadata={"format": "pt"})
        except BaseException as error:
            if not existed:
                path.unlink(missing_ok=True)
            if isinstance(error, SafetensorError):
                raise _as_os_error(error, path) from error
            raise
        os.chmod(path, mode)  # safetensors makes files that only their owner can read


def read_tensors(path: Path | str, device: "torch.device | str" = "cpu") -> "dict[str, Tensor]":
    """Read all tensors of a file into memory of their own on a device.

    Raises:
        DamagedArtefactError: the file is missing, truncated or no safetensors file.
        StorageError: permission is missing, or the disk failed.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        with storage_errors(path, "read"):
            # clone: the tensors must not change or vanish with the file, and a mapped file may be badly aligned
            return {name: tensor.clone() for name, tensor in load_file(path, device=str(device)).items()}
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DamagedArtefactError(f"{path} is missing", expected="a safetensors file") from error
    except SafetensorError as error:
        raise DamagedArtefactError(
            f"{path} is damaged",
            expected="a safetensors file",
            found=f"{error} ({path.stat().st_size} bytes)",
            hint="copy or make it again",
        ) from error


def _own(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Give contiguous tensors on the CPU of which no two share memory."""
    owned: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        if plain.numel() and plain.untyped_storage().data_ptr() in seen:
            plain = plain.clone()
        seen.add(plain.untyped_storage().data_ptr())
        owned[name] = plain
    return owned


def _mode_of_new_file(path: Path) -> int:
    """Make the file as any program would, to learn its mode: asking for the umask would change it for other threads."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
    try:
        return os.fstat(handle).st_mode & 0o777
    finally:
        os.close(handle)


def _as_os_error(error: Exception, path: Path) -> Exception:
    """Give the system's error that safetensors put into words."""
    found = re.search(r"os error (\d+)", str(error))
    if found is None:
        return error
    code = int(found[1])
    return OSError(code, os.strerror(code), str(path))

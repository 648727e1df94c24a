"""Reading the `.pt` and `.pth` checkpoints people publish: the one place where a pickle is opened, and never as code."""

import hashlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unbraid.core.errors import ArtefactError, CapabilityError, ConfigError
from unbraid.core.weights import Weights, save_weights
from unbraid.registry import get_registry, import_target

#: Keys under which training scripts keep the tensors, looked for in this order.
NESTED = ("state_dict", "model_state_dict", "model", "params")


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint that `torch.save` wrote, on the CPU.

    Only tensors and plain values are unpickled. A file that would run code is refused, and its code is not run. Called
    by explicit conversion alone: everything else reads safetensors.

    Args:
        path: a state dict, or a mapping that holds one under `state_dict`, `model_state_dict`, `model` or `params`.

    Returns:
        Name -> tensor, without the prefix `module.` of data-parallel training.

    Raises:
        ArtefactError: there is no such file, it is no checkpoint, it wants to run code, or it holds no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtefactError("there is no such checkpoint", expected="a file that torch.save wrote", found=path)
    return _without_prefix(_state(_load(path), path))


def sha256_of(path: Path | str) -> str:
    """Give the SHA-256 of a file, by which published ones are recognised."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ArtefactError(
            f"{path} is refused: it is damaged, or more than tensors",
            expected="tensors and plain values only",
            found=_first_line(error),
            hint="ask for the weights as safetensors or as a plain state dict; nothing of this file was run",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ArtefactError(
            f"{path} is no checkpoint", expected="a state dict that torch.save wrote", found=_first_line(error)
        ) from error


def _first_line(error: BaseException) -> str:
    """Give what went wrong without torch's advice to trust the file after all."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Unsupported" in line or "GLOBAL" in line]
    return (named or lines or [type(error).__name__])[0].split(" Please ")[0][:200]


def _state(loaded: Any, path: Path) -> Mapping[str, Tensor]:
    candidates = [loaded]
    if isinstance(loaded, Mapping):
        candidates += [loaded[name] for name in NESTED if name in loaded]
    for candidate in candidates:
        if isinstance(candidate, Mapping) and candidate and all(isinstance(v, Tensor) for v in candidate.values()):
            return {str(name): tensor for name, tensor in candidate.items()}
    found = ", ".join(map(str, list(loaded)[:5])) if isinstance(loaded, Mapping) else type(loaded).__name__
    raise ArtefactError(
        f"{path} holds no state dict", expected=f"tensors by name, or those under {', '.join(NESTED)}", found=found
    )


def _without_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = "module."
    every = all(name.startswith(prefix) for name in state)
    return {name.removeprefix(prefix) if every else name: tensor for name, tensor in state.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What whoever converts a checkpoint states of it; empty parts are for the adapter to fill in where it knows.

    Args:
        licence: of the weights.
        source: where they come from.
        trained_on: `dataset:split`.
    """

    licence: str = ""
    source: str = ""
    trained_on: str = ""

    def over(self, known: "Statement") -> "Statement":
        """Give this statement with what is known in its empty parts."""
        return Statement(**{name: getattr(self, name) or getattr(known, name) for name in self.__slots__})

    def weights(self, adapter: str, tensors: Mapping[str, Tensor], architecture: Mapping[str, Any]) -> Weights:
        """Give tensors of an architecture with what is stated of them."""
        return Weights(
            adapter=adapter,
            tensors=tensors,
            architecture=architecture,
            licence=self.licence,
            source=self.source,
            trained_on=self.trained_on,
        )


def convert(adapter: str, files: Sequence[Path | str], out: Path | str, *, statement: Statement | None = None) -> Path:
    """Turn published checkpoints into weights that an adapter loads: safetensors, and a description beside them.

    Args:
        adapter: name of a backbone whose spec says that it converts.
        files: the checkpoints, in the order the adapter's README states.
        out: folder to write.
        statement: licence, source and training data, where the adapter cannot know them.

    Returns:
        What `load_backbone(adapter, weights=...)` takes.

    Raises:
        UnknownNameError: no adapter has that name.
        CapabilityError: the adapter has nothing to convert.
        ArtefactError: a file is missing, damaged, more than tensors, or not what the adapter knows.
        StorageError: writing failed.
    """
    entry = get_registry().resolve("backbone", adapter)
    if entry.spec.convert is None:
        able = sorted(name for name, each in get_registry().backbones().items() if each.spec.convert)
        raise CapabilityError(
            f"backbone {adapter!r} has no checkpoints to convert",
            expected=f"one of {', '.join(able)}",
            found=adapter,
            hint="load its files as they are; `unbraid list backbones` says what each is",
        )
    target = import_target(entry, entry.spec.convert)
    written: Path = target([Path(file) for file in files], Path(out), statement=statement or Statement())
    return written


def convert_plain(files: Sequence[Path], out: Path, *, statement: Statement) -> Path:
    """Convert one checkpoint whose tensors need no description: names and values are kept as they are.

    The `convert` of adapters that are told the architecture.
    """
    check_count("convert", files, "one .pt or .pth file", 1)
    return save_weights(statement.weights("", read_checkpoint(files[0]), {}), out)


def check_count(adapter: str, files: Sequence[Path], expected: str, count: int) -> None:
    """Raise `ConfigError` unless as many files are given as an adapter converts at once."""
    if len(files) != count:
        raise ConfigError(
            f"{adapter}: the wrong number of files", expected=expected, found=", ".join(map(str, files)) or "none"
        )

"""Weights of a backbone on disk: a folder with `model.safetensors` and a `config.json` that says what they are."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unbraid.core.artefacts import atomic_folder, read_json, read_tensors, write_json, write_tensors
from unbraid.core.errors import ArtefactError, ConfigError, DamagedArtefactError, FormatVersionError

FORMAT = "unbraid-weights"
VERSION = 1
TENSORS = "model.safetensors"
CONFIG = "config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Tensors and what is known of them.

    Args:
        adapter: the backbone adapter they are for.
        tensors: name -> values.
        architecture: what fixes the shape of every tensor; JSON values.
        licence: of the weights.
        source: where they come from.
        trained_on: `dataset:split`, or empty where that is unknown.
    """

    adapter: str
    tensors: Mapping[str, Tensor]
    architecture: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    source: str = ""
    trained_on: str = ""


def save_weights(weights: Weights, folder: Path | str) -> Path:
    """Write weights as a folder, whole or not at all, and give its path.

    Raises:
        ArtefactError: something else is in the way.
        StorageError: the disk is full, read-only, or permission is missing.
    """
    folder = Path(folder)
    with atomic_folder(folder, kind="weights") as temporary:
        write_tensors(temporary / TENSORS, weights.tensors)
        stated = {
            "format": FORMAT,
            "format_version": VERSION,
            "adapter": weights.adapter,
            "architecture": dict(weights.architecture),
            "licence": weights.licence,
            "source": weights.source,
            "trained_on": weights.trained_on,
            "sha256": _sha256(temporary / TENSORS),
        }
        write_json(temporary / CONFIG, stated)
    return folder


def load_weights(where: Path | str, adapter: str) -> Weights:
    """Read the weights of an adapter from the folder `save_weights` wrote.

    Raises:
        ArtefactError: there are no such weights, or they are for another adapter.
        DamagedArtefactError: a file is missing, truncated or altered.
        FormatVersionError: a newer version wrote them.
    """
    folder = Path(where)
    stated = read_stated(folder)
    if stated["adapter"] != adapter:
        raise ArtefactError(
            f"{folder} holds weights of another backbone",
            expected=f"weights of {adapter}",
            found=f"weights of {stated['adapter']}",
            hint=f'unbraid.load_backbone("{stated["adapter"]}", weights=...)',
        )
    file = folder / TENSORS
    if file.is_file() and (found := _sha256(file)) != stated["sha256"]:
        raise DamagedArtefactError(
            f"{file} was altered", expected=f"sha256 {stated['sha256']}", found=f"sha256 {found}", hint="copy it again"
        )
    texts = {name: str(stated.get(name, "")) for name in ("licence", "source", "trained_on")}
    return Weights(adapter=adapter, tensors=read_tensors(file), architecture=stated["architecture"], **texts)


def read_stated(folder: Path) -> dict[str, Any]:
    """Read the `config.json` of a folder of weights.

    Raises:
        ArtefactError: there is none, or it describes something else.
        FormatVersionError: a newer version wrote it.
    """
    if not (folder / CONFIG).is_file():
        nested = folder / "weights" / CONFIG
        raise ArtefactError(
            "there are no such weights",
            expected=f"a folder with {TENSORS} and {CONFIG}",
            found=folder,
            hint=f"did you mean {nested.parent}?"
            if nested.is_file()
            else "`unbraid backbone convert ADAPTER FILES --out FOLDER` makes one from published checkpoints",
        )
    stated = read_json(folder / CONFIG)
    if not isinstance(stated, dict) or stated.get("format") != FORMAT:
        found = stated.get("format") if isinstance(stated, dict) else type(stated).__name__
        raise ArtefactError(f"{folder} holds no weights of a backbone", expected=f"format {FORMAT}", found=found)
    version = stated.get("format_version")
    if not isinstance(version, int) or version > VERSION:
        raise FormatVersionError(
            f"{folder} was written by a newer version",
            expected=f"format_version {VERSION}",
            found=version,
            hint="pip install --upgrade unbraid",
        )
    known = {"adapter": str, "architecture": dict, "sha256": str}
    if not all(isinstance(stated.get(name), kind) for name, kind in known.items()):
        raise ArtefactError(f"{folder / CONFIG} is malformed", expected=", ".join(known), found=sorted(stated))
    return stated


def fill(module: nn.Module, tensors: Mapping[str, Tensor], where: object) -> None:
    """Copy tensors into a module; every one must be there, none may be left over, and all must fit and be finite.

    Half-precision tensors become the module's dtype; nothing else is converted.

    Args:
        module: what is filled.
        tensors: name -> values.
        where: what messages call the tensors.

    Raises:
        ArtefactError: a tensor is missing, unexpected, of another shape or kind, or not finite.
    """
    wanted = module.state_dict()
    problems = [f"{name} is missing" for name in wanted.keys() - tensors.keys()]
    problems += [f"{name} is unexpected" for name in tensors.keys() - wanted.keys()]
    for name in wanted.keys() & tensors.keys():
        problems += _differences(name, wanted[name], tensors[name])
    if problems:
        raise ArtefactError(
            f"the tensors of {where} do not fit the architecture",
            expected=f"{len(wanted)} tensors of the shapes of {type(module).__name__}",
            found="; ".join(sorted(problems)[:4]) + (f"; and {len(problems) - 4} more" if len(problems) > 4 else ""),
            hint="check the adapter and its settings against where the weights come from",
        )
    module.load_state_dict(dict(tensors), strict=True)


def check_agreement(adapter: str, weights: str, given: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where the architecture that was asked for is not that of the weights.

    Args:
        adapter: named in the message.
        weights: as they were named.
        given: setting -> value, those that were set.
        stored: setting -> value of the weights.
    """
    wrong = {name: value for name, value in given.items() if stored.get(name) != value}
    if wrong:
        raise ConfigError(
            f"{adapter}: the weights {weights} are of another architecture",
            expected=", ".join(f"{name} {value}" for name, value in wrong.items()),
            found=", ".join(f"{name} {stored.get(name)}" for name in wrong),
            hint="leave the architecture out, or choose other weights",
        )


def read_plain(where: str, known: Iterable[str] = ()) -> dict[str, Tensor]:
    """Read tensors that need no description: a `.safetensors` file, or a folder with a `model.safetensors`.

    Args:
        where: the file or folder.
        known: names that would have been understood too, for the message.

    Raises:
        ArtefactError: there is no such file.
        DamagedArtefactError: it is truncated, or no safetensors file.
    """
    path = Path(where)
    file = path / TENSORS if path.is_dir() else path
    if not file.is_file() or file.suffix != ".safetensors":
        raise ArtefactError(
            "there are no such weights",
            expected=", or ".join([f"a .safetensors file, or a folder with {TENSORS}", *known]),
            found=where,
            hint="`unbraid backbone convert ADAPTER FILE --out FOLDER` makes one of a .pt or .pth file",
        )
    return read_tensors(file)


def kept_place(weights: str) -> str:
    """Give a path as a head should keep it, so that it is found from any folder."""
    return str(Path(weights).resolve())


def _differences(name: str, wanted: Tensor, found: Tensor) -> list[str]:
    if found.shape != wanted.shape:
        return [f"{name} is {tuple(found.shape)}, not {tuple(wanted.shape)}"]
    if found.is_floating_point() != wanted.is_floating_point():
        return [f"{name} is {found.dtype}, not {wanted.dtype}"]
    if found.is_floating_point() and not bool(found.isfinite().all()):
        return [f"{name} holds NaN or infinity"]
    return []


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

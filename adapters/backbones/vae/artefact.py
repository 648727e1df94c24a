"""Weights on disk: a folder with `model.safetensors` and `config.json`, or a `.safetensors` and a `.json` side by side."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import Tensor

from unbraid.adapters.backbones.vae.config import Architecture
from unbraid.adapters.backbones.vae.model import VAE
from unbraid.core.artefacts import atomic_folder, read_json, read_tensors, write_json, write_tensors
from unbraid.core.config import build_config, config_to_dict
from unbraid.core.errors import ArtefactError, ConfigError, DamagedArtefactError, FormatVersionError, UnknownNameError

FORMAT = "unbraid-vae"
VERSION = 1
BUILTIN = "builtin:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Tensors and what the file beside them says of them.

    Args:
        architecture: they belong to.
        tensors: name -> values.
        trained_on: `dataset:split`.
        licence: of the weights.
    """

    architecture: Architecture
    tensors: Mapping[str, Tensor]
    trained_on: str = ""
    licence: str = ""


def save_weights(vae: VAE, folder: Path, *, trained_on: str, licence: str = "") -> None:
    """Write the weights of a VAE as a folder, whole or not at all.

    Raises:
        ArtefactError: something else is in the way.
        StorageError: the disk is full, read-only, or permission is missing.
    """
    with atomic_folder(folder, kind="backbone") as temporary:
        tensors = temporary / "model.safetensors"
        write_tensors(tensors, vae.state_dict())
        described = {
            "format": FORMAT,
            "format_version": VERSION,
            "architecture": config_to_dict(vae.architecture),
            "trained_on": trained_on,
            "licence": licence,
            "sha256": _sha256(tensors),
        }
        write_json(temporary / "config.json", described)


def load_weights(where: str) -> Weights:
    """Read weights from a folder, a `.safetensors` file with its `.json`, or `builtin:NAME`.

    Raises:
        ArtefactError: there are no such weights, or they are of something else.
        DamagedArtefactError: a file is missing, truncated or altered.
        FormatVersionError: a newer version wrote them.
        UnknownNameError: no built-in weights have that name.
    """
    tensors, sidecar = _locate(where)
    described = _described(sidecar)
    if not tensors.is_file():
        raise DamagedArtefactError(f"{tensors} is missing", expected=f"the tensors that {sidecar.name} describes")
    if _sha256(tensors) != described["sha256"]:
        raise DamagedArtefactError(
            f"{tensors} was altered", expected=f"sha256 {described['sha256']}", found=f"sha256 {_sha256(tensors)}"
        )
    try:
        architecture = build_config(Architecture, described["architecture"], where="architecture")
    except ConfigError as error:
        raise ArtefactError(
            f"{sidecar} is malformed: {error.problem}", expected=error.expected, found=error.found
        ) from error
    return Weights(
        architecture=architecture,
        tensors=read_tensors(tensors),
        trained_on=str(described.get("trained_on", "")),
        licence=str(described.get("licence", "")),
    )


def _locate(where: str) -> tuple[Path, Path]:
    """Give the paths of the tensors and of the file that describes them."""
    if where.startswith(BUILTIN):
        return _builtin(where.removeprefix(BUILTIN))
    path = Path(where)
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise ArtefactError("there are no such weights", expected="a .safetensors file", found=where)
        return path, path.with_suffix(".json")
    if not (path / "config.json").is_file():
        raise ArtefactError(
            "there are no such weights",
            expected="a folder with model.safetensors and config.json, a .safetensors file, or builtin:glyphs",
            found=where,
            hint=f"did you mean {path / 'weights'}?" if (path / "weights" / "config.json").is_file() else None,
        )
    return path / "model.safetensors", path / "config.json"


def _builtin(name: str) -> tuple[Path, Path]:
    # The package is never zipped: torch, which it depends on, cannot be.
    folder = Path(str(files("unbraid.adapters.backbones.vae").joinpath("weights")))
    known = sorted(file.stem for file in folder.glob("*.json"))
    if name not in known:
        raise UnknownNameError("built-in weights", BUILTIN + name, [BUILTIN + each for each in known])
    return folder / f"{name}.safetensors", folder / f"{name}.json"


def _described(sidecar: Path) -> dict[str, Any]:
    described = read_json(sidecar)
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        found = described.get("format") if isinstance(described, dict) else type(described).__name__
        raise ArtefactError(f"{sidecar} describes no VAE", expected=f"format {FORMAT}", found=found)
    version = described.get("format_version")
    if not isinstance(version, int) or version > VERSION:
        raise FormatVersionError(
            f"{sidecar} was written by a newer version",
            expected=f"format_version {VERSION}",
            found=version,
            hint="pip install --upgrade unbraid",
        )
    if not isinstance(described.get("architecture"), dict) or not isinstance(described.get("sha256"), str):
        raise ArtefactError(f"{sidecar} is malformed", expected="architecture and sha256", found=sorted(described))
    return described


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

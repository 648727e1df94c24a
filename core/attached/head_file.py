"""A trained head as people keep it: a folder with `config.json`, `model.safetensors` and a model card."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import unbraid
from unbraid.core.artefacts import (
    MANIFEST,
    atomic_folder,
    read_json,
    read_tensors,
    verify_folder,
    write_json,
    write_tensors,
)
from unbraid.core.attached.attaching import as_backbones, check_backbones
from unbraid.core.attached.building import Method, build_head
from unbraid.core.attached.card import model_card
from unbraid.core.catalogue import load_backbone
from unbraid.core.config import build_config
from unbraid.core.device import resolve_device
from unbraid.core.errors import (
    ArtefactError,
    BackboneMismatchError,
    ConfigError,
    DamagedArtefactError,
    FormatVersionError,
    UnknownNameError,
)
from unbraid.core.interfaces import Backbone, Disentangler, LabelSpec
from unbraid.registry import get_registry, import_target

if TYPE_CHECKING:
    from unbraid.core.attached.model import AttachedModel
    from unbraid.core.evaluation import Evaluation

FORMAT = "unbraid-head"
FORMAT_VERSION = 1
CARD = "README.md"


def save(model: "AttachedModel", path: Path) -> Path:
    """Write the head of a model; what was at `path` before is replaced only once the new one is complete.

    Raises:
        StorageError: writing failed; what was there is intact.
    """
    head = model.head
    config = describe(model)
    with atomic_folder(path, kind="head") as folder:
        write_tensors(folder / "model.safetensors", head.head_state())
        write_json(folder / "config.json", config)
        (folder / CARD).write_text(model_card(config), encoding="utf-8")
    return path


def update_card(path: str | Path, evaluation: "Evaluation") -> Path:
    """Write the figures of a head into its model card; the folder is replaced in one step, config and weights kept.

    Args:
        path: the folder `save` wrote.
        evaluation: of this head.

    Returns:
        Where the card is.

    Raises:
        ArtefactError: the figures are those of another method, or the head is part of a larger artefact.
        DamagedArtefactError: a file is truncated, altered or missing.
        StorageError: writing failed; what was there is intact.
    """
    folder = Path(path)
    verify_folder(folder, kind="head")
    config = read_json(folder / "config.json")
    _check_format(folder, config)
    _check_card(folder, config, evaluation)
    with atomic_folder(folder, kind="head") as renewed:
        shutil.copytree(folder, renewed, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
        (renewed / CARD).write_text(model_card(config, evaluation), encoding="utf-8")
    return folder / CARD


def _check_card(folder: Path, config: Mapping[str, Any], evaluation: "Evaluation") -> None:
    if (folder.parent / MANIFEST).exists():
        raise ArtefactError(
            f"{folder} is part of {folder.parent}, whose checksums would no longer hold",
            expected="a head in a folder of its own",
            found=f"{MANIFEST} beside it",
            hint="copy the head elsewhere and measure it there",
        )
    mine, theirs = config["config"], evaluation.protocol["method"]["config"]
    fingerprints = {backbone["fingerprint"] for backbone in config["backbones"].values()}
    if mine != theirs or evaluation.protocol["backbone"]["fingerprint"] not in fingerprints:
        raise ArtefactError(
            f"these figures are not of the head in {folder}",
            expected=f"{config['method']['name']} with the settings and the backbone of its config.json",
            found=f"{evaluation.protocol['method']['name']} with others",
        )


def describe(model: "AttachedModel") -> dict[str, Any]:
    """Give what `config.json` holds: all it takes to build the head again and to know its backbone."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "unbraid_version": unbraid.__version__,
        "method": {k: v for k, v in model.method.describe().items() if k != "config"},
        "config": model.method.describe()["config"],
        "seed": model.seed,
        "labels": {role: {"name": l.name, "classes": list(l.classes)} for role, l in model.labels.items()},
        "factors": [
            {"name": f.name, "shape": list(f.shape), "role": f.role, "distribution": f.distribution}
            for f in model.head.factors
        ],
        "backbones": {name: _describe_backbone(backbone) for name, backbone in model.backbones.items()},
    }


def load(
    path: str | Path, backbone: Any = None, *, allow_mismatch: bool = False, device: str = "auto"
) -> "AttachedModel":
    """Bring a saved head back, on its backbone.

    Args:
        path: the folder `save` wrote.
        backbone: the backbone, or a mapping domain -> backbone. Not needed where an adapter made the backbone from a
            file that is still there.
        allow_mismatch: load although the backbone is another one than the head was trained on.
        device: `auto`, or a torch device.

    Raises:
        DamagedArtefactError: a file is truncated, altered or missing.
        FormatVersionError: a newer version wrote it.
        BackboneMismatchError: the head belongs to another backbone; both fingerprints are shown.
        UnknownNameError: the method's plug-in is not installed; the message says which distribution provides it.
    """
    from unbraid.core.attached.model import AttachedModel

    folder = Path(path)
    verify_folder(folder, kind="head")
    config = read_json(folder / "config.json")
    _check_format(folder, config)
    method = _method(config)
    backbones = _backbones(config) if backbone is None else as_backbones(backbone)
    check_backbones(method, backbones)
    _check_fingerprints(folder, config, backbones, allow_mismatch)
    labels = {role: LabelSpec(l["name"], tuple(l["classes"])) for role, l in config["labels"].items()}
    specs = {name: each.info.latent for name, each in backbones.items()}
    head = build_head(method, specs, labels, config["seed"])
    restore(head, read_tensors(folder / "model.safetensors"), folder / "model.safetensors")
    where = resolve_device(device)
    for each in backbones.values():
        each.to(where)
    return AttachedModel(method, backbones, head.to(where).eval(), seed=config["seed"], labels=labels)


def restore(head: Disentangler, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Load tensors into a head, all of them and nothing else.

    Raises:
        ArtefactError: a tensor is missing, unexpected, of another shape or dtype, or not finite.
    """
    wanted = head.head_state()
    problems = [f"{name} is missing" for name in wanted.keys() - tensors.keys()]
    problems += [f"{name} is unexpected" for name in tensors.keys() - wanted.keys()]
    for name in wanted.keys() & tensors.keys():
        problems += _differences(name, wanted[name], tensors[name])
    if problems:
        raise ArtefactError(
            f"{file} does not fit the head its config.json describes",
            expected=f"{len(wanted)} tensors that match the method's network",
            found="; ".join(sorted(problems)[:4]),
            hint="save the head again with the version of the method that trained it",
        )
    head.load_state_dict(tensors, strict=False)  # the names were checked above; train_only parts stay untrained


def _differences(name: str, wanted: Tensor, found: Tensor) -> list[str]:
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return [f"{name} is {found.dtype} {tuple(found.shape)}, not {wanted.dtype} {tuple(wanted.shape)}"]
    if found.is_floating_point() and not bool(torch.isfinite(found).all()):
        return [f"{name} holds NaN or infinity"]
    return []


def _describe_backbone(backbone: Backbone) -> dict[str, Any]:
    info = backbone.info
    return {
        "adapter": info.adapter,
        "config": dict(info.config),
        "source": info.source,
        "licence": info.licence,
        "trained_on": info.trained_on,
        "input": list(info.input.shape),
        "latent": {"shape": list(info.latent.shape), "stochastic": info.latent.stochastic},
        "fingerprint": backbone.fingerprint,
    }


def _check_format(folder: Path, config: Mapping[str, Any]) -> None:
    if config.get("format") != FORMAT:
        raise DamagedArtefactError(
            f"{folder} is not a head", expected=f"format {FORMAT!r}", found=repr(config.get("format"))
        )
    if config["format_version"] > FORMAT_VERSION:
        raise FormatVersionError(
            f"{folder} was written by a newer version of Unbraid",
            expected=f"format version {FORMAT_VERSION} or older",
            found=f"{config['format_version']}, by unbraid {config['unbraid_version']}",
            hint="pip install --upgrade unbraid",
        )


def _method(config: Mapping[str, Any]) -> Method:
    stated = config["method"]
    qualified = f"{stated['distribution']}:{stated['name']}"
    try:
        entry = get_registry().resolve("method", qualified)
    except UnknownNameError as error:
        raise UnknownNameError(
            "method",
            qualified,
            get_registry().disentanglers(),
            hint=f"pip install {stated['distribution']} (the head was trained with version {stated['version']})",
        ) from error
    if entry.spec.config is None:
        return Method(entry, None)
    return Method(entry, build_config(import_target(entry, entry.spec.config), config["config"], where="config"))


def _backbones(config: Mapping[str, Any]) -> dict[str, Backbone]:
    return {name: _load_backbone(stated) for name, stated in config["backbones"].items()}


def _load_backbone(stated: Mapping[str, Any]) -> Backbone:
    if stated["adapter"] == "modules":
        raise ConfigError(
            "this head belongs to modules of your own, which a file cannot bring back",
            expected="the backbone as an argument",
            found=f"a head for {stated['source'] or 'modules'} of {' x '.join(map(str, stated['input']))}",
            hint="unbraid.load(path, backbone=unbraid.freeze(encoder, decoder, ...))",
        )
    return load_backbone(stated["adapter"], **stated["config"])


def _check_fingerprints(
    folder: Path, config: Mapping[str, Any], backbones: Mapping[str, Backbone], allow_mismatch: bool
) -> None:
    if set(config["backbones"]) != set(backbones):
        raise BackboneMismatchError(
            f"{folder} was trained on other domains",
            expected=", ".join(config["backbones"]),
            found=", ".join(backbones),
        )
    for name, backbone in backbones.items():
        trained_on, found = config["backbones"][name]["fingerprint"], backbone.fingerprint
        if trained_on != found and not allow_mismatch:
            raise BackboneMismatchError(
                f"{folder} was trained on another backbone",
                expected=trained_on,
                found=found,
                hint="load the backbone it was trained on, or pass allow_mismatch=True if you know better",
            )

"""Recipes: a YAML file that states data set, backbone, method, and how to fit and evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import atomic_file
from unbraid.core.catalogue import config_for, load_backbone, load_dataset, method_config
from unbraid.core.config import build_config, check_keys, config_to_dict, parse_assignment
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.latents import LatentMode
from unbraid.core.plain_yaml import read_yaml, write_yaml
from unbraid.core.training.settings import FitSettings
from unbraid.registry import Kind, get_registry, import_target

#: Name of the copy that lies beside results.
RECIPE = "recipe.yaml"
SECTIONS = ("dataset", "backbone", "pretrain", "method", "fit", "evaluate", "out")


@dataclass(frozen=True, slots=True)
class Choice:
    """A plug-in by name, with its settings: all of them, defaults filled in."""

    name: str
    config: Any
    preset: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {} if self.config is None else config_to_dict(self.config)

    def to_dict(self) -> dict[str, Any]:
        """Give the section a recipe has for it."""
        preset = {} if self.preset is None else {"preset": self.preset}
        return {"name": self.name, **preset, **self.settings}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """The section `evaluate`: what `unbraid evaluate` is called with.

    Args:
        seed: of episodes, attackers and swaps.
        episodes: few-shot episodes.
        metrics: names of metrics, or name -> settings; None takes every metric there is.
        latent_mode: posterior means of the backbone, or samples.
        factor_mode: the same of the factors.

    Raises:
        ConfigError: there are no episodes, or a setting of a metric is unknown.
        UnknownNameError: no metric has that name.
    """

    seed: int = 0
    episodes: int = 1000
    metrics: tuple[str, ...] | Mapping[str, Mapping[str, Any]] | None = None
    latent_mode: LatentMode = "mean"
    factor_mode: LatentMode = "mean"

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError("evaluate.episodes counts from 1", expected=">= 1", found=self.episodes)
        for name in self.metrics or ():
            settings = self.metrics[name] if isinstance(self.metrics, Mapping) else {}
            config_for(get_registry().resolve("metric", name), settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A run, stated in full; every name and setting in it has been checked.

    Args:
        dataset: what to load.
        backbone: what to freeze, or what to train in `unbraid pretrain`.
        pretrain: settings of pretraining, a dataclass of the adapter; None where it cannot be trained here.
        method: which head; None in a recipe that only pretrains.
        fit: how long and how training runs.
        evaluate: settings of the evaluation.
        out: folder of the results; relative to where the command runs.
    """

    dataset: Choice
    backbone: Choice
    pretrain: Any = None
    method: Choice | None = None
    fit: FitSettings = field(default_factory=FitSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    out: str | None = None

    def load_dataset(self) -> Dataset:
        """Load the data set."""
        return load_dataset(self.dataset.name, **self.dataset.settings)

    def load_backbone(self) -> Backbone:
        """Load the backbone."""
        return load_backbone(self.backbone.name, **self.backbone.settings)

    def folder(self, out: Path | str | None = None) -> Path:
        """Give the folder of the results: `out` where it is given, else that of the recipe.

        Raises:
            ConfigError: neither says where.
        """
        if out is None and self.out is None:
            raise ConfigError(
                "nothing says where the results go", expected="--out, or `out` in the recipe", found="neither"
            )
        return Path(out if out is not None else str(self.out))

    def to_dict(self) -> dict[str, Any]:
        """Give the resolved recipe: defaults and presets filled in, names and order of the sections kept."""
        sections: dict[str, Any] = {
            "dataset": self.dataset.to_dict(),
            "backbone": self.backbone.to_dict(),
            "pretrain": None if self.pretrain is None else config_to_dict(self.pretrain),
            "method": None if self.method is None else self.method.to_dict(),
            "fit": config_to_dict(self.fit),
            "evaluate": config_to_dict(self.evaluate),
            "out": self.out,
        }
        return {name: section for name, section in sections.items() if section is not None}

    def save(self, folder: Path | str) -> Path:
        """Write the resolved recipe as `recipe.yaml` into a folder and give its path.

        Raises:
            StorageError: the disk is full, read-only, or permission is missing.
        """
        path = Path(folder) / RECIPE
        with atomic_file(path) as temporary:
            temporary.write_text(write_yaml(self.to_dict()), encoding="utf-8")
        return path


def load_recipe(
    path: Path | str, assignments: Sequence[str] = (), *, defaults: Mapping[str, Mapping[str, Any]] | None = None
) -> Recipe:
    """Read a recipe, apply `--set` assignments, and check every name and setting.

    Args:
        path: of the YAML file.
        assignments: `section.name=value` each, later ones win.
        defaults: section -> settings that the command has other defaults for; the recipe wins.

    Raises:
        ConfigError: the file is missing or not YAML, a key at any level is unknown, or a value of the wrong type.
        UnknownNameError: a data set, backbone or method nothing provides.
    """
    tree = read_tree(path)
    for name, settings in (defaults or {}).items():
        tree[name] = {**settings, **_section(tree.get(name), name)}
    return build_recipe(tree, assignments)


def read_tree(path: Path | str) -> dict[str, Any]:
    """Read the sections of a recipe as they stand in its file.

    Raises:
        ConfigError: the file is missing, not YAML, or no mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError("there is no such recipe", expected="a YAML file", found=str(path))
    try:
        tree = read_yaml(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not text", expected="YAML in UTF-8", found=str(error)) from error
    return _section(tree, "recipe")


def build_recipe(tree: Mapping[str, Any], assignments: Sequence[str] = ()) -> Recipe:
    """Make a recipe from nested settings, as `load_recipe` reads them; the tree is left as it was.

    Raises:
        ConfigError: a key at any level is unknown, or a value of the wrong type.
        UnknownNameError: a data set, backbone or method nothing provides.

    >>> recipe = build_recipe({"dataset": "glyphs", "backbone": {"name": "vae"}}, ["fit.steps=10"])
    >>> recipe.fit.steps, recipe.dataset.settings
    (10, {'size': 28})
    """
    sections = overridden(_section(tree, "recipe"), assignments)
    check_keys(sections, SECTIONS, where="recipe", what="section")
    backbone = _named(sections, "backbone")
    return Recipe(
        dataset=_choice("dataset", _named(sections, "dataset")),
        backbone=_choice("backbone", backbone),
        pretrain=_pretrain(backbone["name"], sections.get("pretrain")),
        method=None if sections.get("method") is None else _method(_named(sections, "method")),
        fit=build_config(FitSettings, _section(sections.get("fit"), "fit"), where="fit"),
        evaluate=build_config(EvaluateSettings, _section(sections.get("evaluate"), "evaluate"), where="evaluate"),
        out=_text(sections.get("out"), "out"),
    )


def _choice(kind: Kind, section: Mapping[str, Any]) -> Choice:
    settings = {name: value for name, value in section.items() if name != "name"}
    return Choice(section["name"], config_for(get_registry().resolve(kind, section["name"]), settings))


def _method(section: Mapping[str, Any]) -> Choice:
    settings = {name: value for name, value in section.items() if name not in ("name", "preset")}
    preset = _text(section.get("preset"), "method.preset")
    return Choice(section["name"], method_config(section["name"], preset, settings), preset)


def _pretrain(name: str, section: Any) -> Any:
    entry = get_registry().resolve("backbone", name)
    settings = _section(section, "pretrain")
    if entry.spec.pretrain_config is None:
        check_keys(settings, (), where="pretrain")
        return None
    return build_config(import_target(entry, entry.spec.pretrain_config), settings, where="pretrain")


def _named(sections: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a section that names a plug-in; a bare name stands for `{name: ...}`."""
    section = sections.get(name)
    if isinstance(section, str):
        section = {"name": section}
    if not isinstance(section, Mapping) or not isinstance(section.get("name"), str):
        raise ConfigError(
            f"recipe: section {name!r} names no {name}", expected=f"{name}: {{name: ...}}", found=repr(section)
        )
    return section


def _section(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{name}: malformed", expected="a mapping of names to values", found=repr(value))
    return dict(value)


def _text(value: Any, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name}: wrong type of value", expected="text", found=f"{value!r} ({type(value).__name__})")
    return value


def overridden(tree: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Apply `--set` assignments to the sections of a recipe; the tree is left as it was.

    Raises:
        ConfigError: an assignment is malformed, or there is nothing below a setting.
    """
    for assignment in assignments:
        names, value = parse_assignment(assignment)
        tree = _with(tree, names, value, assignment)
    return tree


def _with(tree: Any, names: Sequence[str], value: Any, assignment: str) -> Any:
    if not names:
        return value
    if isinstance(tree, str):
        tree = {"name": tree}  # `--set dataset.size=32` on `dataset: glyphs`
    if tree is not None and not isinstance(tree, Mapping):
        raise ConfigError(f"--set {assignment}: there is nothing below this setting", expected="a section", found=tree)
    tree = dict(tree or {})
    return {**tree, names[0]: _with(tree.get(names[0]), names[1:], value, assignment)}

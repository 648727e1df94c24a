"""The recipe of a comparison: that of one fit, but with several methods and several seeds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import atomic_file
from unbraid.core.config import check_keys
from unbraid.core.errors import ConfigError
from unbraid.core.plain_yaml import write_yaml
from unbraid.core.recipe import RECIPE, Recipe, build_recipe, overridden, read_tree

SECTIONS = ("dataset", "backbone", "methods", "seeds", "fit", "evaluate", "out")
#: Labels name folders, on every system.
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRecipe:
    """A comparison, stated in full; every name and setting in it has been checked.

    Args:
        recipes: label -> recipe of one fit; they differ in their method alone.
        seeds: each method is fitted with each of them.
        out: folder of the results; relative to where the command runs.
    """

    recipes: Mapping[str, Recipe]
    seeds: tuple[int, ...]
    out: str | None = None

    @property
    def shared(self) -> Recipe:
        """What all fits have in common: data set, backbone, settings of fit and evaluation."""
        return next(iter(self.recipes.values()))

    def of(self, label: str, seed: int) -> Recipe:
        """Give the recipe of one fit."""
        recipe = self.recipes[label]
        return replace(recipe, fit=replace(recipe.fit, seed=seed))

    def to_dict(self) -> dict[str, Any]:
        """Give the resolved recipe: defaults and presets filled in; it reads back as itself."""
        plain = self.shared.to_dict()
        fit = {name: value for name, value in plain["fit"].items() if name != "seed"}
        methods = [
            {**recipe.method.to_dict(), "label": label} for label, recipe in self.recipes.items() if recipe.method
        ]
        whole = {
            "dataset": plain["dataset"],
            "backbone": plain["backbone"],
            "methods": methods,
            "seeds": list(self.seeds),
            "fit": fit,
            "evaluate": plain["evaluate"],
        }
        return whole | ({} if self.out is None else {"out": self.out})

    def save(self, folder: Path) -> Path:
        """Write the resolved recipe as `recipe.yaml` into a folder and give its path."""
        path = folder / RECIPE
        with atomic_file(path) as temporary:
            temporary.write_text(write_yaml(self.to_dict()), encoding="utf-8")
        return path


def load_comparison(path: Path | str, assignments: Sequence[str] = ()) -> ComparisonRecipe:
    """Read the recipe of a comparison, apply `--set` assignments, and check every name and setting.

    Raises:
        ConfigError: the file is missing or not YAML, a key at any level is unknown, or a value of the wrong type.
        UnknownNameError: a data set, backbone or method nothing provides.
    """
    return build_comparison(read_tree(path), assignments)


def build_comparison(tree: Mapping[str, Any], assignments: Sequence[str] = ()) -> ComparisonRecipe:
    """Make the recipe of a comparison from nested settings; the tree is left as it was.

    Raises:
        ConfigError: a key at any level is unknown, a value of the wrong type, or two methods have the same label.
        UnknownNameError: a data set, backbone or method nothing provides.

    >>> recipe = build_comparison(
    ...     {
    ...         "dataset": "glyphs",
    ...         "backbone": "vae",
    ...         "methods": ["prototype", {"name": "prototype", "preset": "raw"}],
    ...         "seeds": [0, 1],
    ...     }
    ... )
    >>> list(recipe.recipes), recipe.seeds
    (['prototype', 'prototype-raw'], (0, 1))
    """
    sections = overridden(dict(tree), assignments)
    check_keys(sections, SECTIONS, where="recipe", what="section")
    shared: dict[str, Any] = {
        name: sections[name] for name in ("dataset", "backbone", "fit", "evaluate", "out") if name in sections
    }
    _check_fit(shared.get("fit"))
    recipes: dict[str, Recipe] = {}
    for label, method in _labelled(sections.get("methods")):
        if label.casefold() in {other.casefold() for other in recipes}:
            raise ConfigError(
                f"two methods are called {label!r}", expected="one label each", found=list(recipes), hint="label: ..."
            )
        recipes[label] = build_recipe({**shared, "method": method})
    return ComparisonRecipe(recipes=recipes, seeds=_seeds(sections.get("seeds")), out=sections.get("out"))


def _check_fit(fit: Any) -> None:
    if isinstance(fit, Mapping) and "seed" in fit:
        raise ConfigError(
            "fit.seed has no meaning in a comparison", expected="seeds: [0, 1, 2]", found=f"fit.seed = {fit['seed']}"
        )


def _labelled(methods: Any) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(methods, Sequence) or isinstance(methods, str) or not methods:
        raise ConfigError(
            "recipe: section 'methods' names no methods", expected="methods: [{name: ...}, ...]", found=repr(methods)
        )
    return [_label(method) for method in methods]


def _label(method: Any) -> tuple[str, dict[str, Any]]:
    """Split one entry of `methods` into its label and the section `method` of a fit."""
    section = {"name": method} if isinstance(method, str) else method
    if not isinstance(section, Mapping):
        raise ConfigError("recipe: malformed entry in 'methods'", expected="{name: ...}", found=repr(method))
    settings = {name: value for name, value in section.items() if name != "label"}
    parts = [str(settings[part]) for part in ("name", "preset") if settings.get(part) is not None]
    label = section.get("label", "-".join(parts) or "method")
    if not isinstance(label, str) or not LABEL.fullmatch(label):
        raise ConfigError(
            "a label must do as the name of a folder", expected="letters, digits, '.', '_' and '-'", found=repr(label)
        )
    return label, settings


def _seeds(seeds: Any) -> tuple[int, ...]:
    fits = isinstance(seeds, Sequence) and bool(seeds) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not fits or len(set(seeds)) < len(seeds):
        raise ConfigError(
            "recipe: 'seeds' must be different whole numbers", expected="seeds: [0, 1, 2]", found=repr(seeds)
        )
    return tuple(seeds)

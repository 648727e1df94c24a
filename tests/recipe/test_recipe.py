"""Recipes: strict at every level, overridable, and written out in full."""

from pathlib import Path
from typing import Any

import pytest

from unbraid.__main__ import main
from unbraid.core.catalogue import load_backbone, load_dataset, method_config
from unbraid.core.errors import ConfigError, UnknownNameError
from unbraid.core.plain_yaml import read_yaml
from unbraid.core.recipe import build_recipe, load_recipe

TREE = {
    "dataset": {"name": "glyphs", "size": 32},
    "backbone": {"name": "vae", "width": 8, "base": 4},
    "pretrain": {"beta": 1},
    "method": {"name": "prototype"},
    "fit": {"steps": 5},
    "evaluate": {"episodes": 7},
    "out": "somewhere",
}


def changed(**sections: Any) -> dict[str, Any]:
    return {**TREE, **sections}


def test_a_recipe_holds_typed_settings() -> None:
    recipe = build_recipe(TREE)
    assert (recipe.fit.steps, recipe.evaluate.episodes, recipe.pretrain.beta, recipe.out) == (5, 7, 1.0, "somewhere")
    assert recipe.load_dataset().image_spec.shape == (1, 32, 32)
    assert recipe.backbone.config.width == 8


def test_the_resolved_recipe_is_complete_and_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = build_recipe(TREE)
    path = recipe.save(tmp_path)
    assert path.name == "recipe.yaml"
    assert load_recipe(path) == recipe
    stored = read_yaml(path.read_text(), "stored")
    assert stored["fit"]["seed"] == 0 and stored["backbone"]["weights"] is None and stored["pretrain"]["lr"] == 2e-3


def test_a_bare_name_stands_for_a_section() -> None:
    short = build_recipe({"dataset": "glyphs", "backbone": "vae"})
    assert short == build_recipe({"dataset": {"name": "glyphs"}, "backbone": {"name": "vae"}})
    assert build_recipe({"dataset": "glyphs", "backbone": "vae"}, ["dataset.size=32"]).dataset.config.size == 32


def test_assignments_win_over_the_file_and_later_ones_over_earlier() -> None:
    recipe = build_recipe(TREE, ["fit.steps=1", "fit.steps=2", "pretrain.lr=1e-3", "backbone.width=16", "out=there"])
    assert (recipe.fit.steps, recipe.pretrain.lr, recipe.backbone.config.width, recipe.out) == (2, 1e-3, 16, "there")
    assert TREE["fit"] == {"steps": 5}


def test_defaults_of_a_command_lose_against_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("{dataset: glyphs, backbone: vae, fit: {steps: 5}}")
    recipe = load_recipe(path, defaults={"fit": {"threads": 3, "steps": 9}})
    assert (recipe.fit.threads, recipe.fit.steps) == (3, 5)


@pytest.mark.parametrize(
    ("tree", "near"),
    [
        (changed(datset={}), "dataset"),
        (changed(dataset={"name": "glyphs", "sise": 28}), "size"),
        (changed(backbone={"name": "vae", "wdith": 8}), "width"),
        (changed(pretrain={"bata": 1}), "beta"),
        (changed(fit={"stpes": 1}), "steps"),
        (changed(evaluate={"episode": 1}), "episodes"),
        (changed(dataset={"name": "npz", "path": "x", "content_split": {"share": []}}), "shares"),
    ],
)
def test_a_misspelt_key_at_any_level_comes_with_a_near_match(tree: dict[str, Any], near: str) -> None:
    with pytest.raises(ConfigError, match="unknown") as caught:
        build_recipe(tree)
    assert f"'{near}'" in str(caught.value.hint)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("tree", "near"),
    [
        (changed(dataset="glyps"), "glyphs"),
        (changed(backbone="vea"), "vae"),
        (changed(method="prototyp"), "prototype"),
    ],
)
def test_a_misspelt_name_comes_with_a_near_match(tree: dict[str, Any], near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        build_recipe(tree)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"backbone": "vae"}, "'dataset' names no dataset"),
        ({"dataset": {"size": 28}, "backbone": "vae"}, "'dataset' names no dataset"),
        ({"dataset": "glyphs", "backbone": ["vae"]}, "'backbone' names no backbone"),
        (changed(fit=[1]), "fit: malformed"),
        (changed(out=3), "out: wrong type"),
        (changed(method={"name": "prototype", "preset": 1}), "preset: wrong type"),
        (changed(method={"name": "prototype", "preset": "no such"}), "unknown preset 'no such'"),
        (changed(fit={"steps": "many"}), "fit.steps: wrong type"),
        (changed(fit={"steps": -1}), "negative"),
        ([], "recipe: malformed"),
    ],
)
def test_malformed_sections(tree: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_recipe(tree)


def test_there_is_nothing_below_a_number() -> None:
    with pytest.raises(ConfigError, match="nothing below"):
        build_recipe(TREE, ["fit.steps.more=1"])


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such recipe"):
        load_recipe(tmp_path / "absent.yaml")
    path = tmp_path / "r.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not text"):
        load_recipe(path)
    path.write_text("dataset: [")
    with pytest.raises(ConfigError, match=r"r\.yaml, line 1: not valid YAML"):
        load_recipe(path)


def test_nothing_says_where_the_results_go() -> None:
    with pytest.raises(ConfigError, match="where the results go"):
        build_recipe({"dataset": "glyphs", "backbone": "vae"}).folder()


def test_the_command_line_exits_with_2_and_says_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("{dataset: glyphs, backbone: vae, out: x}")
    assert main(["pretrain", str(path), "--set", "fit.stpes=1"]) == 2
    assert "did you mean 'steps'" in capsys.readouterr().err


def test_the_catalogue_refuses_unknown_names_and_settings() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'glyphs'"):
        load_dataset("glyph")
    with pytest.raises(ConfigError, match="dataset glyphs: unknown setting 'sizes'"):
        load_dataset("glyphs", sizes=28)
    with pytest.raises(ConfigError, match=r"backbone vae\.width: wrong type"):
        load_backbone("vae", width="64")
    with pytest.raises(ConfigError, match="unknown preset"):
        method_config("prototype", preset="none")

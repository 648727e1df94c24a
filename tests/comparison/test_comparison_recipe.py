"""Recipes of comparisons: strict at every level, written out in full, and read back as themselves."""

from pathlib import Path

import pytest

from unbraid.__main__ import main
from unbraid.core.comparison import build_comparison, load_comparison
from unbraid.core.errors import ConfigError, UnbraidError
from unbraid.core.plain_yaml import read_yaml

TREE = {
    "dataset": "glyphs",
    "backbone": {"name": "vae", "width": 8},
    "methods": [
        {"name": "fden", "gamma": 0},
        {"name": "prototype", "preset": "raw"},
        {"name": "fden", "label": "other"},
    ],
    "seeds": [0, 3],
    "fit": {"steps": 5},
}


def changed(**sections):
    return {**TREE, **sections}


def test_methods_differ_and_everything_else_is_shared():
    recipe = build_comparison(TREE)
    assert list(recipe.recipes) == ["fden", "prototype-raw", "other"]
    assert recipe.of("fden", 3).fit.seed == 3 and recipe.of("fden", 3).fit.steps == 5
    assert (recipe.recipes["fden"].method.config.gamma, recipe.recipes["other"].method.config.gamma) == (0, 0.5)
    assert len({repr((r.dataset, r.backbone, r.fit, r.evaluate)) for r in recipe.recipes.values()}) == 1


def test_the_resolved_recipe_is_complete_and_reads_back_as_itself(tmp_path):
    recipe = build_comparison(TREE, ["fit.steps=7", "evaluate.episodes=9"])
    assert load_comparison(recipe.save(tmp_path)) == recipe
    assert recipe.to_dict()["methods"][1]["network"] == "raw"
    assert (recipe.shared.fit.steps, recipe.shared.evaluate.episodes, TREE["fit"]) == (7, 9, {"steps": 5})


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (changed(method={"name": "fden"}), "unknown section 'method'"),
        (changed(methods=[]), "names no methods"),
        (changed(methods="fden"), "names no methods"),
        (changed(methods=[3]), "malformed entry"),
        (changed(methods=[{"name": "fden"}, {"name": "fden", "gamma": 1}]), "two methods are called 'fden'"),
        (changed(methods=[{"name": "fden", "label": "A"}, {"name": "fden", "label": "a"}]), "two methods are called"),
        (changed(methods=[{"name": "fden", "label": "../up"}]), "name of a folder"),
        (changed(methods=[{"name": "fden", "gama": 1}]), "did you mean 'gamma'"),
        (changed(methods=[{"name": "fdne"}]), "did you mean 'fden'"),
        (changed(methods=[{"preset": "raw"}]), "names no method"),
        (changed(seeds=[]), "different whole numbers"),
        (changed(seeds=3), "different whole numbers"),
        (changed(seeds=[1, 1]), "different whole numbers"),
        (changed(seeds=[True]), "different whole numbers"),
        (changed(fit={"seed": 1}), "seeds: "),
        (changed(fit={"stpes": 1}), "did you mean 'steps'"),
        (changed(sedes=[0]), "did you mean 'seeds'"),
    ],
)
def test_mistakes_are_told_with_what_was_meant(tree, message):
    with pytest.raises(UnbraidError, match=message) as caught:
        build_comparison(tree)
    assert caught.value.exit_code == 2


def test_the_command_exits_with_2(tmp_path, capsys):
    path = tmp_path / "c.yaml"
    path.write_text("{dataset: glyphs, backbone: vae, methods: [fden], seeds: [0]}")
    assert main(["compare", str(path), "--set", "fit.stpes=1"]) == 2
    assert "did you mean 'steps'" in capsys.readouterr().err
    assert main(["compare", str(path), "--jobs", "0"]) == 2
    assert main(["compare", str(tmp_path / "absent.yaml")]) == 2


def test_a_recipe_without_a_folder_needs_one():
    from unbraid.core.comparison import compare

    with pytest.raises(ConfigError, match="where the results go"):
        compare(TREE)


def test_the_recipe_of_the_documentation_can_be_run_as_it_stands():
    text = (Path(__file__).parents[2] / "docs" / "choosing.md").read_text()
    recipe = build_comparison(read_yaml(text.partition("```yaml\n")[2].partition("```")[0], "choosing.md"))
    assert len(recipe.recipes) == 4 and recipe.out

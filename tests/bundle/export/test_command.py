"""`unbraid export` on a head of the built-in method and backbone."""

import numpy as np
import pytest
from click.testing import CliRunner

import unbraid
from unbraid.core.cli.export import _from_recipe
from unbraid.core.cli.main import cli
from unbraid.core.errors import ConfigError


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """What `unbraid fit` leaves behind, but for the training."""
    folder = tmp_path_factory.mktemp("run")
    recipe = f"dataset: glyphs\nbackbone: vae\nmethod: fden\nout: {folder}\n"
    (folder / "recipe.yaml").write_text(recipe)
    unbraid.attach("fden", unbraid.load_backbone("vae")).save(folder / "head")
    return folder


def test_a_head_becomes_a_bundle_beside_it(run_folder):
    done = CliRunner().invoke(cli, ["export", str(run_folder / "head"), "--opset", "19"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "encode" in done.output and "from torch" in done.output
    bundle = unbraid.load_bundle(run_folder / "bundle")
    assert bundle.manifest.method.name == "fden"
    assert bundle.manifest.versions["opset"] == "19"
    pictures, _ = recipe_images(run_folder)
    model = unbraid.load(run_folder / "head")
    found, expected = (
        bundle.transfer(content=pictures[:3], style=pictures[3:6]),
        model.transfer(content=pictures[:3], style=pictures[3:6]),
    )
    assert np.abs(found - expected.cpu().numpy()).max() < 1e-5


def recipe_images(folder):
    source = _from_recipe(folder / "recipe.yaml", ())
    return source.pictures, source.head


def test_a_recipe_leads_to_its_head_and_to_pictures_of_test_classes(run_folder):
    pictures, head = recipe_images(run_folder)
    assert head == run_folder / "head"
    data = unbraid.load_dataset("glyphs")
    assert pictures.shape == (257, *data.images.shape[1:])
    assert pictures.dtype == np.uint8
    assert np.array_equal(pictures[0], data.images[data.rows(content="test")[:1]][0])


def test_a_recipe_without_a_head_says_to_fit(run_folder, tmp_path):
    with pytest.raises(ConfigError, match="unbraid fit"):
        _from_recipe(run_folder / "recipe.yaml", (f"out={tmp_path}",))


def test_settings_out_of_range_are_misuse(run_folder):
    for setting in (["--opset", "17"], ["--samples", "0"], ["--nonsense"]):
        assert CliRunner().invoke(cli, ["export", str(run_folder / "head"), *setting]).exit_code == 2


def test_several_heads_of_one_backbone_become_one_bundle(run_folder, tmp_path):
    head = run_folder / "head"
    other = unbraid.attach("prototype", unbraid.load_backbone("vae"), network="raw").save(tmp_path / "other")
    sources = [f"identity={head}", f"raw={other}", "--samples", "1", "--out", str(tmp_path / "both")]
    done = CliRunner().invoke(cli, ["export", *sources], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    bundle = unbraid.load_bundle(tmp_path / "both")
    assert [head.method.name for head in bundle.manifest.heads.values()] == ["fden", "prototype"]
    assert {"encode", "identity-entangle", "raw-disentangle", "decode"} <= bundle.manifest.graphs.keys()
    assert bundle.head("raw").capabilities == {"decode", "score"}


@pytest.mark.slow
def test_smaller_weights_are_measured_on_the_data_of_the_recipe(run_folder, tmp_path):
    settings = ["--set", "evaluate.episodes=20", "--int8", "--samples", "1", "--out", str(tmp_path / "small")]
    recipe = str(run_folder / "recipe.yaml")
    done = CliRunner().invoke(cli, ["export", recipe, *settings], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "head default on glyphs, float32 -> smaller weights (20 episodes, seed 0)" in done.output
    manifest = unbraid.load_bundle(tmp_path / "small").manifest
    assert [manifest.graphs[name].precision for name in ("encode", "disentangle")] == ["float32", "int8"]
    figures = {figure.name: figure for figure in manifest.head().reduction.figures}
    assert figures["few_shot/identity/unseen_both"].chance == 0.2


@pytest.mark.parametrize(
    ("sources", "match"),
    [
        (["{head}", "{head}"], "need names"),
        (["a={head}", "a={head}", "--out", "x"], "one name"),
        (["a={head}", "b={head}"], "--out"),
        (["{head}s"], "nothing to export"),
        (["{head}", "--half"], "no data to measure on"),
        (["{head}", "--int8"], "no data to measure on"),
    ],
)
def test_heads_that_cannot_be_told_apart_are_misuse(run_folder, sources, match):
    with pytest.raises(ConfigError, match=match):
        sources = [source.format(head=run_folder / "head") for source in sources]
        CliRunner().invoke(cli, ["export", *sources], catch_exceptions=False)

"""The VAE: exact sizes, strict loading, the same identity after a reload, gradients that check out, honest training."""

import hashlib
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from unbraid.__main__ import main
from unbraid.adapters.backbones.vae.artefact import load_weights, save_weights
from unbraid.adapters.backbones.vae.config import Architecture, PretrainConfig
from unbraid.adapters.backbones.vae.losses import EvidenceBound, warped
from unbraid.adapters.backbones.vae.model import build_vae, stage_sizes
from unbraid.core.catalogue import load_backbone, load_dataset
from unbraid.core.errors import (
    ArtefactError,
    ConfigError,
    DamagedArtefactError,
    DataError,
    FormatVersionError,
    UnknownNameError,
)
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Draws, Rows, total

SMALL = Architecture(width=5, base=4)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Weights on disk, with batch-norm statistics that are not those of a new model."""
    vae = build_vae(SMALL, seed=3)
    vae.train()
    vae.decoder(vae.encoder(torch.rand(8, 1, 28, 28)).mean)
    save_weights(vae, tmp_path / "weights", trained_on="glyphs:train", licence="Apache-2.0")
    return tmp_path / "weights"


@pytest.mark.parametrize("size", [8, 9, 28, 31, 32, 33, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_back_in_their_own_size(size: int, channels: int) -> None:
    backbone = load_backbone("vae", size=size, channels=channels, width=7, base=4)
    pictures = torch.rand(2, channels, size, size)
    posterior = backbone.posterior(pictures)
    assert posterior.mean.shape == (2, 7) and posterior.log_variance is not None
    assert posterior.log_variance.shape == (2, 7)
    back = backbone.decode(posterior.mean)
    assert back.shape == pictures.shape and 0 <= back.min() and back.max() <= 1
    assert backbone.info.latent.shape == (7,) and backbone.info.latent.stochastic
    assert backbone.info.input.shape == (channels, size, size)


@pytest.mark.parametrize("size", range(8, 70))
def test_each_stage_halves_rounding_up_and_its_inverse_is_exact(size: int) -> None:
    sizes = stage_sizes(size)
    assert all(after == math.ceil(before / 2) for before, after in pairwise(sizes))
    assert sizes[-1] <= 4 and all(each > 4 for each in sizes[:-1])


def test_the_seed_alone_decides_the_initial_weights() -> None:
    state = torch.random.get_rng_state()
    first, same, other = (load_backbone("vae", width=5, base=4, seed=seed) for seed in (1, 1, 2))
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert torch.equal(torch.random.get_rng_state(), state)


def test_encoding_moves_nothing_and_a_row_does_not_depend_on_its_neighbours() -> None:
    backbone = load_backbone("vae", width=5, base=4)
    guard = FrozenGuard(backbone)
    pictures = torch.rand(6, 1, 28, 28)
    together = backbone.encode(pictures)
    alone = torch.cat([backbone.encode(each[None]) for each in pictures])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    guard.verify()


def test_a_reload_is_the_same_model(saved: Path) -> None:
    first, second = (load_backbone("vae", weights=str(saved)) for _ in range(2))
    pictures = torch.rand(3, 1, 28, 28)
    assert first.fingerprint == second.fingerprint
    assert torch.equal(first.encode(pictures), second.encode(pictures))
    assert first.info.trained_on == "glyphs:train" and first.info.licence == "Apache-2.0"


def test_a_file_beside_its_description_is_the_same_as_the_folder(saved: Path) -> None:
    loose = saved.parent / "mine.safetensors"
    loose.write_bytes((saved / "model.safetensors").read_bytes())
    loose.with_suffix(".json").write_bytes((saved / "config.json").read_bytes())
    assert load_backbone("vae", weights=str(loose)).fingerprint == load_backbone("vae", weights=str(saved)).fingerprint


def test_the_stated_config_brings_the_backbone_back(saved: Path) -> None:
    backbone = load_backbone("vae", weights=str(saved))
    again = load_backbone("vae", **json.loads(json.dumps(dict(backbone.info.config))))
    assert again.fingerprint == backbone.fingerprint


def test_a_relative_path_is_kept_as_one_that_works_from_anywhere(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    backbone = load_backbone("vae", weights="weights")
    monkeypatch.chdir("/")
    assert load_backbone("vae", **backbone.info.config).fingerprint == backbone.fingerprint


def test_an_architecture_that_is_not_that_of_the_weights(saved: Path) -> None:
    assert load_backbone("vae", weights=str(saved), width=5).info.latent.shape == (5,)
    with pytest.raises(ConfigError, match=r"width 6.*\n.*width 5"):
        load_backbone("vae", weights=str(saved), width=6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("encoder.mean.bias"), "encoder.mean.bias is missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "extra is unexpected"),
        (lambda t: t.update({"encoder.mean.bias": torch.zeros(6)}), r"encoder.mean.bias is \(6,\), not \(5,\)"),
        (lambda t: t.update({"encoder.mean.bias": torch.zeros(5).int()}), "encoder.mean.bias is torch.int32"),
    ],
)
def test_tensors_that_do_not_fit(saved: Path, change: Any, message: str) -> None:
    path = saved / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})
    describe(saved, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ArtefactError, match=message):
        load_backbone("vae", weights=str(saved))


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"format": "other"}, ArtefactError, "describes no VAE"),
        ({"format_version": 2}, FormatVersionError, "newer version"),
        ({"architecture": {"widht": 5}}, ArtefactError, "unknown setting 'widht'"),
        ({"architecture": None}, ArtefactError, "malformed"),
        ({"architecture": {"size": 4}}, ArtefactError, "size is out of range"),
        ({"sha256": "0"}, DamagedArtefactError, "was altered"),
    ],
)
def test_descriptions_that_do_not_fit(
    saved: Path, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    describe(saved, **changes)
    with pytest.raises(kind, match=message):
        load_backbone("vae", weights=str(saved))


def test_altered_and_missing_files(saved: Path) -> None:
    path = saved / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedArtefactError, match="was altered"):
        load_backbone("vae", weights=str(saved))
    path.unlink()
    with pytest.raises(DamagedArtefactError, match="missing"):
        load_backbone("vae", weights=str(saved))


def test_weights_that_are_not_there(saved: Path) -> None:
    with pytest.raises(ArtefactError, match="no such weights"):
        load_backbone("vae", weights=str(saved / "absent.safetensors"))
    with pytest.raises(ArtefactError, match=r"did you mean .*weights"):
        load_backbone("vae", weights=str(saved.parent))
    with pytest.raises(UnknownNameError, match="did you mean 'builtin:glyphs'"):
        load_backbone("vae", weights="builtin:glyph")


@pytest.mark.parametrize("settings", [{"size": 7}, {"channels": 2}, {"width": 0}, {"base": 0}])
def test_architectures_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        load_backbone("vae", **settings)


def test_the_bound_is_the_one_of_torch_distributions() -> None:
    """Both terms against torch's own distributions, with the noise the loss draws."""
    vae = build_vae(SMALL).eval()
    pictures = torch.rand(6, 1, 28, 28)
    batch = {"pictures": Rows(pictures, {})}
    posterior = vae.encoder(pictures)
    q = torch.distributions.Normal(posterior.mean, (0.5 * posterior.log_variance).exp())
    z = posterior.sample(Draws(0, "t", 0).normal(6, 5))
    decoded = vae.decoder(z)
    divergence = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    p = torch.distributions.Bernoulli(decoded, validate_args=False)
    found = EvidenceBound(vae, PretrainConfig(beta=0.5))(batch, Draws(0, "t", 0))
    torch.testing.assert_close(found["divergence"].value, divergence)
    torch.testing.assert_close(found["reconstruction"].value, -p.log_prob(pictures).flatten(1).sum(1).mean())
    torch.testing.assert_close(total(found), found["reconstruction"].value + 0.5 * divergence)
    g = torch.distributions.Normal(decoded, 0.2)
    constant = math.log(0.2 * math.sqrt(2 * math.pi)) * 28 * 28
    found = EvidenceBound(vae, PretrainConfig(likelihood="gaussian", sigma=0.2))(batch, Draws(0, "t", 0))
    expected = -g.log_prob(pictures).flatten(1).sum(1).mean() - constant
    torch.testing.assert_close(found["reconstruction"].value, expected, rtol=1e-4, atol=1e-2)


def test_warping_leaves_half_alone_and_stays_in_range() -> None:
    pictures = torch.rand(400, 1, 28, 28)
    assert warped(pictures, Draws(0, "t", 0), 0) is pictures
    moved = warped(pictures, Draws(0, "t", 0), 1.0)
    assert 0 <= moved.min() and moved.max() <= 1
    untouched = (moved - pictures).abs().amax((1, 2, 3)) < 1e-4
    assert 0.4 < untouched.float().mean() < 0.6
    assert warped(pictures.to("meta"), Draws(0, "t", 0, "meta"), 1.0).shape == pictures.shape


def test_warping_moves_what_it_says() -> None:
    """The centre of a spot in the middle of the picture moves by at most 6 % of the side, in all directions alike."""
    spot = torch.zeros(2000, 1, 28, 28)
    spot[:, :, 13:15, 13:15] = 1
    moved = warped(spot, Draws(1, "t", 0), 1.0)
    mass = moved.sum((1, 2, 3))
    places = torch.arange(28) + 0.5
    x = (moved.sum((1, 2)) * places).sum(1) / mass - 14
    y = (moved.sum((1, 3)) * places).sum(1) / mass - 14
    assert max(x.abs().max(), y.abs().max()) < 0.06 * 28 * 1.4  # scaled and sheared too
    assert abs(x.mean()) < 0.1 and abs(y.mean()) < 0.1 and x.std() > 0.3 and y.std() > 0.3


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of bars: content is the column, style the brightness; and the recipe to train on it."""
    folder = tmp_path_factory.mktemp("pretrain")
    grid = np.zeros((8, 6, 8, 8), np.uint8)
    for content in range(8):
        for style in range(6):
            grid[content, style, :, content] = 100 + 30 * style
    np.savez(folder / "bars.npz", images=grid)
    text = f"""
    dataset: {{name: npz, path: {folder / "bars.npz"}}}
    backbone: {{name: vae, width: 6, base: 8}}
    pretrain: {{beta: 0.05, batch_size: 16, lr: 5e-3, device: cpu}}
    fit: {{steps: 300, eval_every: 100, checkpoint_every: 100, quiet: true, threads: 1}}
    """
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


def test_pretraining_learns_writes_and_says_how_well(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["pretrain", str(recipe), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "variance" in printed and str(out / "weights") in printed
    figures = json.loads((out / "metrics.json").read_text())["reconstruction"]
    by_split = {(figure["content"], figure["style"]): figure for figure in figures}
    assert len(by_split) == 9 and by_split["train", "train"]["share"] < 0.5
    data = load_dataset("npz", path=str(recipe.parent / "bars.npz"))
    backbone = load_backbone("vae", weights=str(out / "weights"))
    assert backbone.info.trained_on == "npz:bars.npz:train"
    # error and variance by the direct formula
    rows = data.rows(content="train", style="train")
    pictures = torch.from_numpy(data.images[rows]).double() / 255
    with torch.no_grad():
        back = backbone.decode(backbone.encode(pictures.float())).double()
    assert by_split["train", "train"]["error"] == pytest.approx(float((back - pictures).square().mean()), rel=1e-4)
    variance = float(pictures.var(0, correction=0).mean())
    assert by_split["train", "train"]["variance"] == pytest.approx(variance, rel=1e-6)
    assert main(["pretrain", str(out / "recipe.yaml"), "--out", str(tmp_path / "again")]) == 0
    assert sha(tmp_path / "again") == sha(out)


def test_only_training_classes_are_trained_on(recipe: Path, tmp_path: Path) -> None:
    """Noise in place of every picture whose content or style is for testing changes no weight."""
    with np.load(recipe.parent / "bars.npz") as arrays:
        grid = arrays["images"].copy()
    data = load_dataset("npz", path=str(recipe.parent / "bars.npz"))
    for role, axis in (("content", 0), ("style", 1)):
        for label in data.splits[role]["test"]:
            index = (label,) if axis == 0 else (slice(None), label)
            grid[index] = np.random.default_rng(0).integers(0, 256, grid[index].shape)
    np.savez(tmp_path / "bars.npz", images=grid)
    short = ["--set", "fit.steps=20", "--set", "fit.eval_every=10"]
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "clean")]) == 0
    noisy = ["--set", f"dataset.path={tmp_path / 'bars.npz'}"]
    assert main(["pretrain", str(recipe), *short, *noisy, "--out", str(tmp_path / "noisy")]) == 0
    assert sha(tmp_path / "noisy") == sha(tmp_path / "clean")


def test_a_resumed_run_ends_where_a_straight_one_does(recipe: Path, tmp_path: Path) -> None:
    """The run is cut after its first part; what is left is made by --resume."""
    short = ["--set", "fit.steps=40", "--set", "fit.eval_every=10", "--set", "fit.checkpoint_every=10"]
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "straight")]) == 0
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "cut")]) == 0
    for step in (tmp_path / "cut" / "last" / "checkpoints").iterdir():
        for file in step.iterdir():
            file.unlink()
        step.rmdir()
    newest = max((tmp_path / "cut" / "first" / "checkpoints").iterdir())
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "cut")]) == 2  # there is a run already
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "cut"), "--resume"]) == 0
    assert sha(tmp_path / "cut") == sha(tmp_path / "straight")


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("backbone.size=9", ConfigError), ("backbone.weights=builtin:glyphs", ConfigError), ("fit.stpes=1", ConfigError)],
)
def test_pretraining_refuses(recipe: Path, tmp_path: Path, setting: str, kind: type[Exception]) -> None:
    from unbraid.core.pretraining import pretrain
    from unbraid.core.recipe import load_recipe

    with pytest.raises(kind):
        pretrain(load_recipe(recipe, [setting]), tmp_path)


def test_pretraining_refuses_pictures_that_are_not_square(recipe: Path, tmp_path: Path) -> None:
    from unbraid.core.pretraining import pretrain
    from unbraid.core.recipe import load_recipe

    np.savez(tmp_path / "wide.npz", images=np.zeros((4, 3, 8, 9), np.uint8))
    with pytest.raises(DataError, match=r"square.*\n.*S x S.*\n.*1 x 8 x 9"):
        pretrain(load_recipe(recipe, [f"dataset.path={tmp_path / 'wide.npz'}"]), tmp_path)


def test_an_untrained_one_comes_back_from_what_a_head_keeps_of_it() -> None:
    backbone = load_backbone("vae", size=12, width=4, base=4, seed=3)
    again = load_backbone("vae", **backbone.info.config)
    assert again.fingerprint == backbone.fingerprint
    assert load_backbone("vae", size=12, width=4, base=4, seed=4).fingerprint != backbone.fingerprint


README = (Path(__file__).parents[2] / "adapters" / "backbones" / "vae" / "README.md").read_text()


def test_the_built_in_weights_give_unseen_characters_back() -> None:
    data = load_dataset("glyphs")
    backbone = load_backbone("vae", weights="builtin:glyphs")
    assert backbone.info.trained_on == "glyphs:train"
    assert load_weights("builtin:glyphs").architecture.size == 28
    for style, error_in_readme in (("train", 0.01168), ("test", 0.01443)):
        rows = data.rows(content="test", style=style)  # type: ignore[arg-type]
        pictures = torch.from_numpy(data.images[rows]).float() / 255
        with torch.no_grad():
            error = (backbone.decode(backbone.encode(pictures)) - pictures).square().mean()
        assert abs(float(error) - error_in_readme) < 1e-5
        assert str(error_in_readme) in README


def describe(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sha(out: Path) -> str:
    return hashlib.sha256((out / "weights" / "model.safetensors").read_bytes()).hexdigest()

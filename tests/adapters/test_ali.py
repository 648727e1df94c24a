"""ALI and BiGAN: the papers' tables to the last number, losses by another formula, exact resume, honest figures."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unbraid.__main__ import main
from unbraid.adapters.backbones.ali.config import ALIConfig, Architecture, BiGANConfig, PretrainConfig
from unbraid.adapters.backbones.ali.losses import Game
from unbraid.adapters.backbones.ali.model import Maxout, build_ali, start_from_mean
from unbraid.adapters.backbones.ali.pretrain import objectives
from unbraid.core.catalogue import load_backbone, load_dataset
from unbraid.core.errors import ArtefactError, ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, LatentSpec, Posterior, Rows
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, ObjectiveRunner, train
from unbraid.core.training.watch import FiniteWatch

TINY = {"size": 8, "width": 5, "base": 4}
CPU = torch.device("cpu")


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# Added up by hand from the tables of the papers: kernel x kernel x maps in x maps out, two numbers a map of batch norm.
@pytest.mark.parametrize(
    ("table", "encoder", "decoder", "discriminator"),
    [
        (
            "svhn",
            2_400 + 32_768 + 131_072 + 524_288 + 2_097_152 + 262_144 + 262_656 + 2 * 1_504,
            1_048_576 + 524_288 + 131_072 + 32_768 + 25_600 + 1_024 + 96 + 3_072 + 2 * 544,
            2_432 + 32_768 + 131_072 + 524_288 + 2_097_152 + 2 * 960 + 131_072 + 262_144 + 2 * 1_049_600 + 1_025,
        ),
        (
            "cifar10",
            2_400 + 32_768 + 131_072 + 524_288 + 2_097_152 + 262_144 + 65_664 + 2 * 1_504,
            262_144 + 524_288 + 131_072 + 32_768 + 25_600 + 1_024 + 96 + 3_072 + 2 * 544,
            4_864 + 65_536 + 262_144 + 1_048_576 + 4_194_304 + 65_536 + 524_288 + 2 * 2_099_200 + 1_025,
        ),
        (
            "celeba",
            768 + 401_408 + 819_200 + 3_211_264 + 2_097_152 + 262_656 + 2 * 1_216,
            2_097_152 + 6_422_528 + 1_638_400 + 1_605_632 + 32_768 + 192 + 12_288 + 2 * 1_216,
            768 + 401_408 + 819_200 + 3_211_264 + 2_097_152 + 2 * 1_216
            + 262_144 + 1_048_576 + 3_147_776 + 4_196_352 + 2_049,
        ),
    ],
)  # fmt: skip
def test_the_tables_of_the_paper_number_by_number(table: str, encoder: int, decoder: int, discriminator: int) -> None:
    with torch.device("meta"):
        ali = build_ali(ALIConfig(table=table).architecture())  # type: ignore[arg-type]
    assert numbers(ali.encoder) == encoder
    assert numbers(ali.decoder) == decoder
    assert numbers(ali.discriminator) == discriminator


def test_the_fully_connected_networks_of_bigan() -> None:
    """784 - 1024 - 1024 - 50 and back, and a discriminator of both side by side; batch norm on the second layers."""
    with torch.device("meta"):
        ali = build_ali(BiGANConfig(table="mnist").architecture())
    norm = 2 * 1024
    assert numbers(ali.encoder) == (784 + 1) * 1024 + 1024 * 1024 + norm + (1024 + 1) * 50
    assert numbers(ali.decoder) == 50 * 1024 + norm + 1024 * 1024 + norm + 1024 * 784 + 784
    assert numbers(ali.discriminator) == (784 + 50 + 1) * 1024 + 1024 * 1024 + norm + 1024 + 1


@pytest.mark.parametrize(
    ("table", "down", "up"),
    [
        ("svhn", [28, 13, 10, 4, 1, 1], [4, 10, 13, 28, 32, 32]),
        ("cifar10", [28, 13, 10, 4, 1, 1], [4, 10, 13, 28, 32, 32]),
        ("celeba", [63, 29, 13, 4, 1], [4, 13, 29, 63, 64]),
    ],
)
def test_sides_of_the_maps_are_those_of_the_paper(table: str, down: list[int], up: list[int]) -> None:
    with torch.device("meta"):
        ali = build_ali(ALIConfig(table=table).architecture())  # type: ignore[arg-type]
    found: dict[str, list[int]] = {"encoder": [], "decoder": []}
    for name, sides in found.items():
        for layer in getattr(ali, name).stages:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.register_forward_hook(lambda _, __, y, sides=sides: sides.append(y.shape[-1]))
    architecture = ali.architecture
    x = torch.empty(2, 3, architecture.size, architecture.size, device="meta")
    assert ali.decoder(ali.encoder(x).mean).shape == x.shape
    assert (found["encoder"], found["decoder"]) == (down, up)
    assert ali.discriminator(x, ali.encoder(x).mean).shape == (2,)


def test_dropout_stands_before_the_layers_of_the_discriminator() -> None:
    with torch.device("meta"):
        ali = build_ali(ALIConfig(table="cifar10").architecture())
        svhn = build_ali(ALIConfig(table="svhn").architecture()).discriminator
    kinds = [type(layer).__name__ for layer in ali.discriminator.picture]
    assert kinds == ["Dropout", "Conv2d", "Maxout"] * 5
    shares = [layer.p for layer in ali.discriminator.modules() if isinstance(layer, nn.Dropout)]
    assert shares == [0.2, 0.5, 0.5, 0.5, 0.5, 0.2, 0.5, 0.5, 0.5, 0.5]
    assert not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in ali.discriminator.modules())
    assert {layer.p for layer in svhn.modules() if isinstance(layer, nn.Dropout)} == {0.2}


def test_maxout_is_the_largest_of_neighbours() -> None:
    x = torch.randn(3, 8, 2, 2)
    expected = torch.stack([x[:, 2 * i : 2 * i + 2].max(1).values for i in range(4)], 1)
    assert torch.equal(Maxout(2)(x), expected)


@pytest.mark.parametrize("size", [8, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("adapter", ["ali", "bigan"])
def test_pictures_come_back_in_their_own_size(adapter: str, size: int, channels: int) -> None:
    backbone = load_backbone(adapter, size=size, channels=channels, width=7, base=4)
    pictures = torch.rand(2, channels, size, size)
    posterior = backbone.posterior(pictures)
    assert posterior.mean.shape == (2, 7)
    assert (posterior.log_variance is not None) == (adapter == "ali") == backbone.info.latent.stochastic
    back = backbone.decode(posterior.mean)
    assert back.shape == pictures.shape and 0 <= back.min() and back.max() <= 1


@pytest.mark.parametrize(
    "settings",
    [{"size": 30}, {"table": "svhn", "size": 28}, {"channels": 2}, {"width": 0}, {"table": "mnist", "base": 0}],
)
def test_architectures_out_of_range(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        load_backbone("ali", **settings)


def test_the_log_variance_is_twice_the_logarithm_of_the_deviation() -> None:
    encoder = build_ali(Architecture(**TINY)).encoder.eval()  # type: ignore[arg-type]
    pictures = torch.rand(3, 1, 8, 8)
    mean, log_std = encoder.last(encoder.stages(pictures).flatten(1)).split(5, dim=1)
    found = encoder(pictures)
    noise = torch.randn(3, 5)
    torch.testing.assert_close(found.sample(noise), mean + log_std.exp() * noise)


class Players(nn.Module):
    """Players whose play is known: latents and pictures are vectors, the discriminator is a plain function."""

    def encoder(self, x: torch.Tensor) -> Posterior:
        return Posterior(x[:, :2], x[:, 2:])

    def decoder(self, z: torch.Tensor) -> torch.Tensor:
        return torch.cat([z, z], 1).sigmoid()

    def discriminator(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return (x.sum(1) - 2 * z[:, 0]).tanh() * 3


@pytest.mark.parametrize("weight", [0.0, 7.0])
@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_both_losses_are_cross_entropies_of_who_is_who(prior: str, weight: float) -> None:
    """Equation 2 as torch's binary cross-entropy, on the pairs rebuilt from the same draws."""
    players, x = Players(), torch.rand(6, 4)
    game = Game(players, prior=prior, reconstruction=weight)  # type: ignore[arg-type]
    draws = Draws(0, "t", 0)
    found = x[:, :2] + (0.5 * x[:, 2:]).exp() * draws.normal(6, 2)
    drawn = draws.normal(6, 2) if prior == "normal" else 2 * draws.uniform(6, 2) - 1
    real, made = players.discriminator(x, found), players.discriminator(players.decoder(drawn), drawn)
    one, zero = torch.ones(6), torch.zeros(6)
    batch = {"pictures": Rows(x, {})}
    judged = game.discriminating(batch, Draws(0, "t", 0))
    torch.testing.assert_close(judged["real"].value, F.binary_cross_entropy_with_logits(real, one))
    torch.testing.assert_close(judged["made"].value, F.binary_cross_entropy_with_logits(made, zero))
    played = game.generating(batch, Draws(0, "t", 0))
    torch.testing.assert_close(played["real"].value, F.binary_cross_entropy_with_logits(real, zero))
    torch.testing.assert_close(played["made"].value, F.binary_cross_entropy_with_logits(made, one))
    if weight:
        torch.testing.assert_close(played["reconstruction"].value, F.mse_loss(players.decoder(found), x))
        assert played["reconstruction"].weight == weight
    assert ("reconstruction" in played) == bool(weight)


def test_each_objective_moves_its_own_side_alone() -> None:
    ali = build_ali(Architecture(**TINY)).train()  # type: ignore[arg-type]
    source = {DEFAULT_DOMAIN: bytes_of(torch.rand(20, 1, 8, 8))}
    before = {name: p.detach().clone() for name, p in ali.named_parameters()}
    for objective, side in zip(objectives(ali, PretrainConfig(batch_size=8)), ("discriminator", "coder"), strict=True):
        ObjectiveRunner(objective, source, CPU).run(0, 0, FiniteWatch(CPU))
        moved = {name for name, p in ali.named_parameters() if not torch.equal(p, before[name])}
        mine = {name for name in before if name.startswith("discriminator") == (side == "discriminator")}
        assert moved <= mine and len(moved) > 0.8 * len(mine)
        before = {name: p.detach().clone() for name, p in ali.named_parameters()}


def test_a_decoder_starts_from_the_mean_picture() -> None:
    decoder = build_ali(Architecture(**TINY)).decoder.eval()  # type: ignore[arg-type]
    pictures = torch.rand(50, 1, 8, 8)
    start_from_mean(decoder, pictures)
    nn.init.zeros_(decoder.last.weight)  # type: ignore[arg-type]
    torch.testing.assert_close(decoder(torch.randn(3, 5)), pictures.mean(0).expand(3, -1, -1, -1))


def test_the_identity_is_the_same_in_another_process() -> None:
    code = (
        "from unbraid.core.catalogue import load_backbone as l;"
        "print(*[l(name, size=8, width=5, base=4, seed=3).fingerprint for name in ('ali', 'bigan')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name, printed in zip(("ali", "bigan"), run.stdout.split(), strict=True):
        backbone = load_backbone(name, **TINY, seed=3)
        assert printed == backbone.fingerprint
        again = load_backbone(name, **json.loads(json.dumps(dict(backbone.info.config))))
        assert again.fingerprint == backbone.fingerprint != load_backbone(name, **TINY, seed=4).fingerprint


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
    backbone: {{name: ali, width: 6, base: 4}}
    pretrain: {{reconstruction: 50, batch_size: 16, lr: 2e-3, device: cpu}}
    fit: {{steps: 300, eval_every: 50, checkpoint_every: 100, quiet: true, threads: 1}}
    """
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    assert main(["pretrain", str(recipe), "--out", str(out)]) == 0
    return out


def test_pretraining_learns_and_reports_samples_and_inversion(recipe: Path, trained: Path) -> None:
    figures = json.loads((trained / "metrics.json").read_text())["reconstruction"]
    by_split = {(figure["content"], figure["style"]): figure for figure in figures}
    assert by_split["train", "train"]["share"] < 0.7
    assert by_split["train", "train"]["inversion"] < 0.8
    page = (trained / "report.html").read_text()
    assert "Pictures made of latents of the prior" in page and page.count("data:image/png") == len(figures) + 1
    backbone = load_backbone("ali", weights=str(trained / "weights"))
    assert backbone.info.trained_on == "npz:bars.npz:train" and backbone.info.prior == "normal"
    # distances by the direct formula: to the own picture, and to all others, of which the figure draws one each
    data = load_dataset("npz", path=str(recipe.parent / "bars.npz"))
    pictures = torch.from_numpy(data.images[data.rows(content="train", style="train")]).float() / 255
    with torch.no_grad():
        distances = torch.cdist(backbone.decode(backbone.encode(pictures)).flatten(1), pictures.flatten(1))
    near = distances.diagonal().mean()
    others = distances[~torch.eye(len(pictures), dtype=torch.bool)]
    error = 4 * float(others.std()) / len(pictures) ** 0.5
    assert abs(float(near) / by_split["train", "train"]["inversion"] - float(others.mean())) < error


def test_weights_of_the_one_are_not_those_of_the_other(trained: Path) -> None:
    with pytest.raises(ArtefactError, match=r"weights of bigan"):
        load_backbone("bigan", weights=str(trained / "weights"))
    with pytest.raises(ConfigError, match=r"width 5.*\n.*width 6"):
        load_backbone("ali", weights=str(trained / "weights"), width=5)


def test_a_resumed_run_ends_where_a_straight_one_does(recipe: Path, tmp_path: Path) -> None:
    """Two networks, two optimisers, dropout and batch norm: cut in the middle of the first phase, and made again."""
    short = ["--set", "fit.steps=30", "--set", "fit.eval_every=10", "--set", "fit.checkpoint_every=6"]
    for out in ("straight", "cut"):
        assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / out)]) == 0
    shutil.rmtree(tmp_path / "cut" / "last")
    shutil.rmtree(max((tmp_path / "cut" / "first" / "checkpoints").glob("step-*")))
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "cut"), "--resume"]) == 0
    assert sha(tmp_path / "cut") == sha(tmp_path / "straight")


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
    short = ["--set", "fit.steps=20", "--set", "fit.eval_every=10", "--set", "backbone.name=bigan"]
    assert main(["pretrain", str(recipe), *short, "--out", str(tmp_path / "clean")]) == 0
    noisy = ["--set", f"dataset.path={tmp_path / 'bars.npz'}"]
    assert main(["pretrain", str(recipe), *short, *noisy, "--out", str(tmp_path / "noisy")]) == 0
    assert sha(tmp_path / "noisy") == sha(tmp_path / "clean")


@pytest.mark.parametrize("setting", ["backbone.size=12", "backbone.weights=somewhere", "backbone.table=svhn"])
def test_pretraining_refuses(recipe: Path, tmp_path: Path, setting: str) -> None:
    from unbraid.core.pretraining import pretrain
    from unbraid.core.recipe import load_recipe

    with pytest.raises(ConfigError):
        pretrain(load_recipe(recipe, [setting]), tmp_path)


class Toy(nn.Module):
    """Fully connected players for points in the plane, as the paper has them for its mixture of Gaussians."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()

        def coder(out: int) -> nn.Sequential:
            layers = [
                layer for i in (2, width) for layer in (nn.Linear(i, width, False), nn.BatchNorm1d(width), nn.ReLU())
            ]
            return nn.Sequential(*layers, nn.Linear(width, out))

        self.to_latent, self.decoder = coder(4), coder(2)
        self.judge = nn.Sequential(
            nn.Linear(4, 2 * width), Maxout(2), nn.Linear(width, 2 * width), Maxout(2), nn.Linear(width, 1)
        )

    def encoder(self, x: torch.Tensor) -> Posterior:
        mean, log_std = self.to_latent(x).chunk(2, dim=1)
        return Posterior(mean, 2 * log_std)

    def discriminator(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return self.judge(torch.cat([x, z], 1)).squeeze(1)


@pytest.mark.slow
def test_the_grid_of_25_gaussians_is_covered_as_in_the_paper() -> None:
    """Dumoulin et al. 2017, appendix: ALI covers 13.4 of 25 modes on average, 8 at the least."""
    from unbraid.core.interfaces import Objective, OptimiserSpec, Samples

    places = 2.0 * torch.cartesian_prod(torch.arange(-2.0, 3), torch.arange(-2.0, 3))
    points = places.repeat(400, 1) + 0.2 * torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0))
    source = Latents(mean=points, log_variance=None, labels={}, spec=LatentSpec((2,)), classes={})
    torch.manual_seed(0)
    toy = Toy()
    game = Game(toy, prior="normal", reconstruction=0)
    adam = OptimiserSpec("adam", lr=1e-3, betas=(0.5, 0.999))
    batch = {"pictures": Samples(100)}
    sides = [
        Objective(name="judge", loss=game.discriminating, batch=batch, updates=[toy.judge], optimiser=adam),
        Objective(name="play", loss=game.generating, batch=batch, updates=[toy.to_latent, toy.decoder], optimiser=adam),
    ]
    train(toy, sides, {DEFAULT_DOMAIN: source}, FitSettings(steps=8000, quiet=True, log_every=1000))
    toy.eval()
    with torch.no_grad():
        made = toy.decoder(torch.randn(10_000, 2, generator=torch.Generator().manual_seed(1)))
    near, mode = torch.cdist(made, places).min(1)
    # a mode is covered by a tenth of its share, within three deviations
    covered = int((torch.bincount(mode[near < 0.6], minlength=25) >= 40).sum())
    assert covered >= 8


def bytes_of(pictures: torch.Tensor) -> Latents:
    stored = (pictures * 255).round().to(torch.uint8)
    spec = LatentSpec(tuple(pictures.shape[1:]), storage="uint8")
    return Latents(mean=stored, log_variance=None, labels={}, spec=spec, classes={})


def sha(out: Path) -> str:
    return hashlib.sha256((out / "weights" / "model.safetensors").read_bytes()).hexdigest()

"""N-VAE on MNIST: which digit uses which latent, and what its samples are worth, beside a conditional VAE.

The slides have pictures and no figures, so all figures are ours (tier B). Latents are those of a frozen public VAE, ten
numbers. Settings are chosen on the digits of validation writers; test digits are MNIST's, by other writers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from judging import Array, Eye, accuracy, pixels
from results import Ints, kept, markdown, part, percent, published

import unbraid
from unbraid.core.artefacts import write_json
from unbraid.core.attached import AttachedModel
from unbraid.core.evaluation.judge import train_judge
from unbraid.core.evaluation.probe import ProbeSettings, probe
from unbraid.core.interfaces import Dataset
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.report import own_pictures
from unbraid.plugins.nvae.analysis import ACTIVE, kl_of_factors

SEEDS = 3
#: Of MNIST's training digits the quick form takes every so many.
QUICK_PART, QUICK_STEPS = 4, 1_500
SAMPLES, BATCH = 5_000, 500
SIGMAS = (1.0, 1.4)
SHARES = (0.4, 1.0)
#: Real pictures that artificial ones take the place of.
REPLACED = 6_000
SETTINGS = {"class_dependent": 6, "variance": 0.05}
SWEEP = [{"shared": shared, "beta_c": beta} for shared in (2, 3, 4) for beta in (1.25, 2.0, 4.0)]
JUDGES = ProbeSettings(max_steps=500)
ATTACKERS = ProbeSettings(seeds=1, max_steps=500)
PROTOCOL = (
    "The paper's slides show pictures and curves without numbers; all figures are ours (tier B, settings ours). Frozen "
    "Burgess VAE on MNIST (published weights, 10 latents, 32 px). Classifiers: two layers of 256 on the first 50 principal "
    "components of real training pictures, 500 steps; tested on MNIST's 10,000 test digits."
)


@dataclass(frozen=True)
class Digits:
    """One part of MNIST: its pictures and their latents."""

    dataset: Dataset
    latents: Latents

    @property
    def labels(self) -> Ints:
        """The digit of every picture."""
        return self.dataset.labels["content"]


@dataclass(frozen=True)
class World:
    """Everything that is measured on."""

    backbone: unbraid.Backbone
    parts: Mapping[str, Digits]
    eye: Eye
    steps: int


def load(out: Path, quick: bool) -> World:
    """Load the public VAE and the digits of training, validation and test writers."""
    backbone = published("burgess_vae", ["burgess-vae/VAE_mnist.pt"], out / "vae")
    mnist = unbraid.load_dataset("mnist-writers", size=32)
    every = QUICK_PART if quick else 1
    rows = {"train": mnist.rows(style="train")[::every], "validation": mnist.rows(style="validation")}
    rows["test"] = mnist.rows(style="test")
    parts = {}
    for name, own in rows.items():
        dataset = part(mnist, own)
        parts[name] = Digits(dataset, encode_dataset(backbone, dataset, cache=out / f"{name}-latents", device="cpu"))
    eye = Eye.of(pixels(parts["train"].dataset, np.arange(REPLACED)))
    return World(backbone, parts, eye, QUICK_STEPS if quick else 3_000)


def fitted(world: World, method: str, seed: int, **settings: Any) -> AttachedModel:
    """Train a head on the latents of the training writers."""
    model = unbraid.attach(method, world.backbone, seed=seed, device="cpu", **settings)
    train = world.parts["train"]
    model.fit(train.dataset, latents=train.latents, steps=world.steps, quiet=True)
    return model


def matrix_of(model: AttachedModel, digits: Digits) -> list[list[float]]:
    """Divergence of each class-dependent latent in each class, in nats."""
    found: list[list[float]] = kl_of_factors(model.head, digits.latents.z, torch.from_numpy(digits.labels)).tolist()
    return found


def selective(matrix: list[list[float]]) -> int:
    """Count the latents that some classes use and others do not."""
    used = np.array(matrix) > ACTIVE
    return int((used.any(0) & ~used.all(0)).sum())


def chosen(out: Path, world: Callable[[], World]) -> dict[str, Any]:
    """Choose shared latents and beta_c on validation digits: most latents that some classes use and others do not."""

    def measure() -> dict[str, Any]:
        tried = []
        for settings in SWEEP:
            model = fitted(world(), "nvae", 0, **SETTINGS, **settings)
            matrix = matrix_of(model, world().parts["validation"])
            tried.append({"settings": settings, "selective": selective(matrix), "most": float(np.max(matrix))})
        return {"tried": tried}

    tried = kept(out / "chosen.json", measure)["tried"]
    best = max(tried, key=lambda each: (each["selective"], each["settings"]["beta_c"]))
    return {"settings": {**SETTINGS, **best["settings"]}, "tried": tried}


def drawn(model: AttachedModel, sigma: float, seed: int, count: int) -> tuple[Array, Ints]:
    """Draw classes and latents of a prior widened by sigma: pictures `(n, C, H, W)` and the classes."""
    generator = torch.Generator().manual_seed(seed)
    width = sum(factor.width for factor in model.head.factors)
    pictures, classes = [], []
    for start in range(0, count, BATCH):
        noise = sigma * torch.randn(min(BATCH, count - start), width, generator=generator)
        factors = model.head.sample(noise)
        pictures.append(model.entangle(factors).numpy())
        classes.append(factors["class"].argmax(1).numpy())
    return np.concatenate(pictures), np.concatenate(classes)


def measure(given: Callable[[], World], settings: Mapping[str, Any], seed: int, pictures: Path) -> dict[str, Any]:
    """Train N-VAE and a conditional VAE, judge their samples and train on them."""
    world = given()
    train, test = world.parts["train"], world.parts["test"]
    rows = np.random.default_rng(seed).permutation(len(train.labels))[:REPLACED]
    real, truth = world.eye(pixels(train.dataset, rows)), train.labels[rows]
    tested = world.eye(pixels(test.dataset, np.arange(len(test.labels))))
    judge = train_judge(real, truth, seed=seed, settings=JUDGES)
    models = {
        "N-VAE": fitted(world, "nvae", seed, **settings),
        "conditional VAE (M2)": fitted(world, "m2", seed, variance=settings["variance"]),
    }
    with torch.no_grad():
        rebuilt = world.eye(models["N-VAE"].decode(train.latents.subset(torch.from_numpy(rows)).z).numpy())
    found: dict[str, Any] = {
        "judge on real test digits": accuracy(judge, tested, test.labels),
        "judge on its own training digits through the VAE": accuracy(judge, rebuilt, truth),
        "judged": {},
        "curve": {"real digits through the VAE": _curve(world, real, truth, rebuilt, truth, tested, seed)},
        "leak": leak(models["N-VAE"], test, seed),
        "matrix": matrix_of(models["N-VAE"], test),
    }
    for name, model in models.items():
        for sigma in SIGMAS:
            made, classes = drawn(model, sigma, seed, max(SAMPLES, REPLACED))
            codes = world.eye(made)
            found["judged"][f"{name}, sigma {sigma:g}"] = accuracy(judge, codes, classes)
            found["curve"][f"{name}, sigma {sigma:g}"] = _curve(world, real, truth, codes, classes, tested, seed)
    if seed == 0:
        draw(models["N-VAE"], train.dataset, pictures)
    return found


def _curve(
    world: World, real: Array, truth: Ints, made: Array, classes: Ints, tested: Array, seed: int
) -> dict[str, float]:
    """Accuracy on test digits of classifiers that saw artificial pictures in place of a share of the real ones."""
    found = {}
    for share in SHARES:
        count = round(share * len(real))
        codes = np.concatenate([made[:count], real[count:]])
        labels = np.concatenate([classes[:count], truth[count:]])
        judge = train_judge(codes, labels, seed=seed, settings=JUDGES)
        found[f"{share:g}"] = accuracy(judge, tested, world.parts["test"].labels)
    return found


def leak(model: AttachedModel, digits: Digits, seed: int) -> dict[str, float]:
    """Accuracy of the strongest fresh attacker for the digit, from the mean of each factor."""
    with torch.no_grad():
        factors = model.head.disentangle(digits.latents.z)
    found = probe({name: code.numpy() for name, code in factors.items()}, digits.labels, seed=seed, settings=ATTACKERS)
    return {name: each.strongest.accuracy for name, each in found.items()}


def draw(model: AttachedModel, dataset: Dataset, folder: Path) -> None:
    """Write the pictures that a report shows of the method."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = own_pictures(model, dataset)[0]
    for picture in pictures:
        (folder / f"{picture.title.replace(' ', '-').lower()}.png").write_bytes(picture.png)
    write_json(folder / "captions.json", {picture.title: picture.caption for picture in pictures})


def table(out: Path, quick: bool, seeds: int = SEEDS) -> Iterator[str]:
    """Measure what is missing and lay out the tables."""
    world = cache(lambda: load(out, quick))
    best = chosen(out, world)
    scale = (
        f"Every {QUICK_PART}th training digit, {QUICK_STEPS:,} steps" if quick else "All training digits, 3,000 steps"
    )
    yield f"{PROTOCOL}\n\n{scale}; {seeds} seeds, in brackets Student's t. Chosen on validation: {best['settings']}."
    yield _tried(best["tried"])
    found = [
        kept(out / f"seed-{seed}.json", partial(measure, world, best["settings"], seed, out / "pictures"))
        for seed in range(seeds)
    ]
    yield _matrix(found[0])
    yield _judged(found)
    yield _curves(found)


def _tried(tried: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{each['settings']['shared']}",
            f"{each['settings']['beta_c']:g}",
            f"{each['selective']}",
            f"{each['most']:.2f}",
        ]
        for each in tried
    ]
    return "Validation, seed 0:\n\n" + markdown(
        ("shared latents", "beta_c", "class-dependent latents that some digits use and others do not", "most nats"),
        rows,
    )


def _matrix(found: Mapping[str, Any]) -> str:
    rows = [[f"{digit}", *(f"{value:.2f}" for value in values)] for digit, values in enumerate(found["matrix"])]
    told = f"Nats of each class-dependent latent, test digits, seed 0; above {ACTIVE} it is in use:\n\n"
    return told + markdown(("digit", *(f"z_c {place}" for place in range(len(rows[0]) - 1))), rows)


def _judged(found: list[dict[str, Any]]) -> str:
    rows = [[name, percent([each[name] for each in found])] for name in found[0] if name.startswith("judge on")]
    rows += [[f"samples: {name}", percent([each["judged"][name] for each in found])] for name in found[0]["judged"]]
    rows += [
        [f"fresh attacker, digit from `{name}`", percent([each["leak"][name] for each in found])]
        for name in found[0]["leak"]
    ]
    return "What a classifier trained on real digits sees (chance 10 %):\n\n" + markdown(("", "%"), rows)


def _curves(found: list[dict[str, Any]]) -> str:
    real = percent([each["judge on real test digits"] for each in found])
    rows = [
        [name, real, *(percent([each["curve"][name][f"{share:g}"] for each in found]) for share in SHARES)]
        for name in found[0]["curve"]
    ]
    told = f"Test accuracy in % where a share of {REPLACED:,} training pictures is artificial:\n\n"
    return told + markdown(("", "0 %", *(f"{share:.0%}" for share in SHARES)), rows)

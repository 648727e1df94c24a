"""FDEN on every backbone there is: one line attaches it, a short fit, the same figures for all.

    python benchmarks/backbones.py --quick                       # a fifth of the steps, a part of the pictures
    python benchmarks/backbones.py --rows vae,onnx,taef2         # some rows
    python benchmarks/backbones.py --ali ali/weights --flow flow/weights    # with weights of your own

Backbones for characters see `glyphs`, those for digits MNIST by writer, those for colour the London faces at 64 pixels;
all but the first need UNBRAID_DATA. Rows that say "not trained" show that a kind of model can be attached, and no more. A row that is in `--out` already is not measured again; one whose weights or data are missing
says so. Figures are of contents that the head never saw, but leakage, which is of training classes, split by sample.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unbraid
from unbraid.core.artefacts import read_json, write_json
from unbraid.core.errors import UnbraidError
from unbraid.core.evaluation import Evaluation
from unbraid.core.threads import threads

STEPS, QUICK_STEPS = 2_500, 500
#: Of MNIST's writers the quick form takes every so many.
QUICK_STYLES = 8
METRICS: Mapping[str, Mapping[str, Any]] = {
    "few_shot": {},
    "probes": {"seeds": 1, "epochs": 10},
    "reconstruction": {},
    "swap_error": {},
}
#: Layers by positions cost as many times more as there are positions.
SMALL = {"trunk": (96, 96), "branch": (96,), "entangler_branch": (96,), "entangler": (96, 96), "critic": (64, 32)}
COLUMNS = (
    "backbone",
    "latent",
    "identity 5w1s (raw)",
    "class read from style (raw)",
    "from rest",
    "swap error (additive rule)",
    "pixel error with head (without)",
    "pictures/s",
)


@dataclass(frozen=True)
class Row:
    """A backbone, the pictures it sees and how its latents are seen."""

    title: str
    backbone: Callable[[argparse.Namespace], unbraid.Backbone]
    dataset: str = "glyphs"
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def named(name: str, **options: Any) -> Callable[[argparse.Namespace], unbraid.Backbone]:
    """Load a backbone by name."""
    return lambda asked: unbraid.load_backbone(name, **options)


def given(name: str) -> Callable[[argparse.Namespace], unbraid.Backbone]:
    """Load a backbone from the weights that the option of its name gives."""

    def load(asked: argparse.Namespace) -> unbraid.Backbone:
        weights = getattr(asked, name)
        if weights is None:
            raise LookupError(f"no weights: --{name} FOLDER")
        return unbraid.load_backbone(name, weights=weights)

    return load


def published(name: str, *files: str, **options: Any) -> Callable[[argparse.Namespace], unbraid.Backbone]:
    """Convert published checkpoints below UNBRAID_DATA once, and load them."""

    def load(asked: argparse.Namespace) -> unbraid.Backbone:
        paths = [Path(os.environ.get("UNBRAID_DATA", ".")) / "models" / file for file in files]
        if not all(path.is_file() for path in paths):
            raise LookupError(f"no {paths[0].name} below UNBRAID_DATA")
        folder = asked.out / "weights" / name
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            command = ["-m", "unbraid", "backbone", "convert", name, *map(str, paths), "--out", str(folder)]
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        return unbraid.load_backbone(name, weights=str(folder), **options)

    return load


def exported(asked: argparse.Namespace) -> unbraid.Backbone:
    """Export the glyph VAE to ONNX, and take the two files for what they are."""
    bundle = asked.out / "weights" / "onnx"
    if not bundle.exists():
        unbraid.attach("prototype", named("vae", weights="builtin:glyphs")(asked), network="raw").export(bundle)
    encoder, decoder = (str(bundle / "models" / stage / "1" / "model.onnx") for stage in ("encode", "decode"))
    return unbraid.load_backbone("onnx", weights=encoder, decoder=decoder)


def untrained_kl(asked: argparse.Namespace) -> unbraid.Backbone:
    """Make an autoencoder of Stable Diffusion's shape, an eighth as wide, the way its library saves one."""
    import diffusers

    folder = asked.out / "weights" / "autoencoder_kl"
    if not folder.exists():
        blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
        torch.manual_seed(0)
        widths = {"block_out_channels": (16, 32, 64, 64), "norm_num_groups": 8, "layers_per_block": 2}
        diffusers.AutoencoderKL(sample_size=64, **blocks, **widths).save_pretrained(folder)
    return unbraid.load_backbone("autoencoder_kl", weights=str(folder))


#: Rows for which there are weights only where the caller has some.
OWN_WEIGHTS = ("ali", "bigan", "flow", "decoded")
ROWS = {
    "vae": Row("glyph VAE", named("vae", weights="builtin:glyphs")),
    "onnx": Row("the same as ONNX files", exported),
    "pixels": Row("pixels", named("pixels")),
    "timm": Row("resnet18 of timm, **not trained**", named("timm", model="resnet18", size=28, channels=1)),
    "torchvision": Row(
        "resnet18 of torchvision, **not trained**", named("torchvision", model="resnet18", size=28, channels=1)
    ),
    "ali": Row("ALI", given("ali")),
    "bigan": Row("BiGAN", given("bigan")),
    "flow": Row("flow", given("flow")),
    "decoded": Row("decoded", given("decoded")),
    "burgess": Row("Burgess VAE", published("burgess_vae", "burgess-vae/VAE_mnist.pt"), "mnist-writers", {"size": 32}),
    "two_code": Row(
        "cycle-VAE's own networks",
        published("two_code", *(f"pair-disentangling/cycle-vae/{part}.pth" for part in ("encoder", "decoder"))),
        "mnist-writers",
    ),
    "taef2": Row(
        "TAEF2, by positions",
        published("taesd", "taef2/taef2_encoder.pth", "taef2/taef2_decoder.pth", size=64),
        "london-faces",
        {"size": 64},
        {"map": "positions", "factor_width": 16, "episodes": 4, **SMALL},
    ),
    "taef2_pooled": Row(
        "TAEF2, pooled",
        published("taesd", "taef2/taef2_encoder.pth", "taef2/taef2_decoder.pth", size=64),
        "london-faces",
        {"size": 64},
        {"map": "pooled"},
    ),
    "autoencoder_kl": Row(
        "AutoencoderKL, pooled, **not trained**", untrained_kl, "london-faces", {"size": 64}, {"map": "pooled"}
    ),
}


def thinned(dataset: unbraid.Dataset) -> unbraid.Dataset:
    """Keep the rows of every eighth style of large sets, in memory."""
    if len(dataset) < 20_000:
        return dataset
    rows = np.flatnonzero(dataset.labels["style"] % QUICK_STYLES == 0)
    labels = {role: found[rows] for role, found in dataset.labels.items()}
    known = {name: found[rows] for name, found in dataset.factors.items()}
    name = f"{dataset.name}-part"
    return replace(dataset, name=name, images=np.asarray(dataset.images[rows]), labels=labels, factors=known)


def throughput(backbone: unbraid.Backbone, dataset: unbraid.Dataset) -> float:
    """Pictures encoded in a second, one thread, the better of two rounds."""
    images = torch.from_numpy(np.asarray(dataset.images[np.arange(min(len(dataset), 128))])).float() / 255
    seconds = []
    with threads(1), torch.no_grad():
        for _ in range(2):
            start = time.perf_counter()
            backbone.encode(images)
            seconds.append(time.perf_counter() - start)
    return len(images) / min(seconds)


def measure(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Attach, fit and evaluate one row, or read what was measured."""
    file = asked.out / f"{name}.json"
    if file.exists():
        return dict(read_json(file))
    row = ROWS[name]
    backbone = row.backbone(asked)
    dataset = unbraid.load_dataset(row.dataset, **row.options)
    dataset = thinned(dataset) if asked.quick else dataset
    model = unbraid.attach("fden", backbone, device="cpu", **row.settings)
    cache = asked.out / f"{name}-latents"
    steps = QUICK_STEPS if asked.quick else STEPS
    model.fit(dataset, steps=steps, cache=cache, out=asked.out / name, resume=True, quiet=True)
    evaluation = model.evaluate(dataset, metrics=METRICS, cache=cache, episodes=500)
    cells = [row.title, " x ".join(map(str, backbone.info.latent.shape)), *figures(evaluation)]
    found = {"cells": [*cells, f"{throughput(backbone, dataset):,.0f}"], "pictures": len(dataset), "steps": steps}
    write_json(file, found)
    return found


def figures(evaluation: Evaluation) -> list[str]:
    """Cells of a row: value of the head and, in brackets, what it is beside."""
    wanted = (
        ("few_shot/identity/unseen_content", "raw latents", "{:.1%}"),
        ("leakage/style/content", "raw latents", "{:.1%}"),
        ("leakage/rest/content", None, "{:.1%}"),
        ("swap_error/unseen_content", "additive rule", "{:.2f}"),
        ("reconstruction_pixels/unseen_content", "raw latents", "{:.4f}"),
    )
    known = {figure.name: figure for figure in evaluation.figures}
    cells = []
    for name, baseline, layout in wanted:
        figure = known.get(name)
        if figure is None or figure.value is None:
            cells.append("")
            continue
        beside = figure.baselines.get(baseline) if baseline else None
        cells.append(layout.format(figure.value) + (f" ({layout.format(beside)})" if beside is not None else ""))
    return cells


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/backbones"), help="folder of all results")
    parser.add_argument("--quick", action="store_true", help="fewer steps and pictures")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    for name in OWN_WEIGHTS:
        parser.add_argument(f"--{name}", help="folder of weights")
    asked = parser.parse_args()
    asked.out = asked.out / ("quick" if asked.quick else "full")
    asked.out.mkdir(parents=True, exist_ok=True)
    unknown = sorted(set(asked.rows.split(",")) - set(ROWS))
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    lines = [f"| {' | '.join(COLUMNS)} |", f"| --- | --- |{' ---: |' * (len(COLUMNS) - 2)}"]
    for name in asked.rows.split(","):
        try:
            found = measure(name, asked)
        except (LookupError, UnbraidError) as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        print(f"{name}: {found['pictures']} pictures, {found['steps']} steps", file=sys.stderr)
        lines.append(f"| {' | '.join(found['cells'])} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

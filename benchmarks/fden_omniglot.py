"""FDEN on Omniglot beside the figures of its paper.

    python benchmarks/fden_omniglot.py --out runs/fden-omniglot --quick   # one seed, 20 minutes of two cores
    python benchmarks/fden_omniglot.py --out runs/fden-omniglot           # three seeds
    python benchmarks/fden_omniglot.py --backbone ali --weights ali/weights --out runs/fden-omniglot-ali

Needs Omniglot: set UNBRAID_DATA. The split is that of Vinyals et al. (2016), rotations are classes of their own, and
4,112 / 688 / 1,692 classes are for training, validation and test. A VAE is trained on the training classes, frozen, and
its latents are cached; heads train on them and keep the weights with the best five-way one-shot accuracy on validation
classes. One head serves all three columns, where the paper trained one for each. Test classes are seen once, at the end.

1,000 episodes a column, with 15 queries of every way; all rows see the same episodes. Intervals are 95 %, over classes
(resampled) where one is there. What is in `--out` is not made again: run the command again after a stop. Each backbone
needs an `--out` of its own; weights that are given must not have seen the test classes, which nothing here can check.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import unbraid
from unbraid.core.artefacts import write_json
from unbraid.core.evaluation.episodes import draw_episodes
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.evaluation.intervals import class_bootstrap_interval
from unbraid.core.evaluation.probe import ProbeSettings, probe
from unbraid.core.interfaces import Dataset, Disentangler
from unbraid.core.latents import Latents, encode_dataset

Array = npt.NDArray[np.floating]

RECIPE = Path(__file__).with_suffix(".yaml")
COLUMNS = {"5-way 1-shot": (5, 1), "5-way 5-shot": (5, 5), "20-way 1-shot": (20, 1)}
EPISODES, QUERIES = 1000, 15
#: Classes and rows of the fresh attackers: from training classes, split by sample.
PROBED_CLASSES = 200
PRINTED = {
    "FDEN, printed in its paper": (88.3, 95.4, 82.6),
    "Prototypical Networks on pixels, as FDEN's paper prints them": (98.8, 99.7, 96.0),
    "chance": (20.0, 20.0, 5.0),
}
#: The same encoder and the same budget with nothing to do but to tell classes apart.
REFERENCE = {
    "hidden": (512, 512, 512),
    "width": 128,
    "ways": 120,
    "queries": 2,
    "standardise": "none",
    "steps": 3000,
}


@dataclass
class Measured:
    """Accuracy of every episode by code and column, and the class a fresh attacker reads from the code."""

    accuracies: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    leakage: dict[str, float] = field(default_factory=dict)


def backbone_of(asked: argparse.Namespace) -> unbraid.Backbone:
    """Load the backbone that was asked for; the VAE is trained where no weights are given."""
    weights = asked.weights or pretrained(asked.out)
    return unbraid.load_backbone(asked.backbone, weights=str(weights))


def pretrained(out: Path) -> Path:
    """Train the VAE through the command line, or find it."""
    weights = out / "vae" / "weights"
    if not weights.exists():
        command = ["-m", "unbraid", "pretrain", str(RECIPE), "--out", str(out / "vae"), "--resume"]
        subprocess.run([sys.executable, *command], check=True)
    return weights


def codes_of(head: Disentangler, latents: Latents) -> dict[str, Array]:
    """Factors of all rows."""
    with torch.no_grad():
        parts = [head.eval().disentangle(z) for z in latents.chunks()]
    return {factor.name: torch.cat([part[factor.name] for part in parts]).numpy() for factor in head.factors}


def episodes_of(codes: dict[str, Array], labels: npt.NDArray[np.int64]) -> dict[str, dict[str, list[float]]]:
    """Accuracy of each episode, by code and column; the same episodes for every code and every seed."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in codes}
    for column, (ways, shots) in COLUMNS.items():
        table = draw_episodes(labels, ways=ways, shots=shots, queries=QUERIES, episodes=EPISODES, seed=0, stream=column)
        for name, code in codes.items():
            found[name][column] = few_shot_accuracy(code, table).tolist()
    return found


def leakage_of(codes: dict[str, Array], labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """Share of rows whose class the strongest fresh attacker reads from a code."""
    found = probe(codes, labels, seed=0, settings=ProbeSettings(seeds=1))
    return {name: each.strongest.accuracy for name, each in found.items()}


def measure(name: str, seed: int, out: Path, backbone: Any, dataset: Dataset, latents: Latents, split: str) -> Measured:
    """Train one head and measure it, or read what was measured."""
    file = out / f"{name}-{seed}-{split}.json"
    if not file.exists():
        settings: dict[str, Any] = {"preset": "omniglot"} if name == "fden" else REFERENCE
        model = unbraid.attach(name, backbone, seed=seed, device="cpu", **settings)
        model.fit(dataset, latents=latents, out=out / f"{name}-{seed}", resume=True, eval_every=500)
        seen, unseen = (latents.subset(torch.from_numpy(dataset.rows(content=each))) for each in ("train", split))
        random = model.random_head(seen, seed)
        labels = seen.label("content").numpy()
        probed = latents.subset(torch.from_numpy(np.flatnonzero(np.isin(labels, np.unique(labels)[:PROBED_CLASSES]))))
        codes, of_probed = ({"raw": part.z.numpy(), **codes_of(model.head, part)} for part in (unseen, probed))
        for untrained, part in ((codes, unseen), (of_probed, probed)):
            untrained |= {f"random {factor}": code for factor, code in codes_of(random, part).items()}
        found = {
            "accuracies": episodes_of(codes, unseen.label("content").numpy()),
            "leakage": leakage_of(of_probed, probed.label("content").numpy()),
        }
        write_json(file, found)
    return Measured(**json.loads(file.read_text(encoding="utf-8")))


def table(rows: dict[str, list[tuple[Measured, str]]], classes: npt.NDArray[np.int64]) -> str:
    """Lay out a Markdown table: mean over seeds, with an interval over classes."""
    lines = [
        f"| | {' | '.join(COLUMNS)} | class read by a fresh probe |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for title, parts in rows.items():
        cells = []
        for column, (ways, shots) in COLUMNS.items():
            drawn = draw_episodes(
                classes, ways=ways, shots=shots, queries=QUERIES, episodes=EPISODES, seed=0, stream=column
            )
            each = np.array([measured.accuracies[code][column] for measured, code in parts])
            interval = class_bootstrap_interval(each.mean(0), drawn.classes, seed=0) or (np.nan, np.nan)
            over_seeds = f", seeds {each.mean(1).min():.1%} to {each.mean(1).max():.1%}" if len(parts) > 1 else ""
            cells.append(f"{each.mean():.1%} ({interval[0]:.1%} to {interval[1]:.1%}{over_seeds})")
        leak = np.mean([measured.leakage[code] for measured, code in parts])
        lines.append(f"| {title} | {' | '.join(cells)} | {leak:.1%} |")
    for title, printed in PRINTED.items():
        leak_by_chance = f"{1 / PROBED_CLASSES:.1%}" if title == "chance" else ""
        lines.append(f"| {title} | {' | '.join(f'{value} %' for value in printed)} | {leak_by_chance} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of all results; runs/fden-omniglot, or -NAME of the backbone")
    parser.add_argument("--backbone", default="vae", help="name of the backbone; all but `vae` need --weights")
    parser.add_argument("--weights", type=Path, help="folder of weights, trained on the training classes alone")
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--split", choices=("validation", "test"), default="test", help="classes that are measured")
    asked = parser.parse_args()
    own = asked.backbone == "vae" and asked.weights is None
    if not own and asked.weights is None:
        parser.error(f"no weights of {asked.backbone}: --weights FOLDER")
    asked.out = out = asked.out or Path("runs/fden-omniglot" if own else f"runs/fden-omniglot-{asked.backbone}")
    out.mkdir(parents=True, exist_ok=True)
    backbone = backbone_of(asked)
    dataset = unbraid.load_dataset("omniglot", size=backbone.info.input.height, rotations=True)
    latents = encode_dataset(backbone, dataset, cache=out / "latents", device="cpu")
    seeds = range(1 if asked.quick else 3)
    fden, reference = (
        [measure(name, seed, out, backbone, dataset, latents, asked.split) for seed in seeds]
        for name in ("fden", "prototype")
    )
    rows = {
        "raw latents": [(fden[0], "raw")],
        "untrained FDEN, identity": [(each, "random identity") for each in fden],
        "**FDEN, identity**": [(each, "identity") for each in fden],
        "FDEN, style (lower is better)": [(each, "style") for each in fden],
        "prototype head on the same latents": [(each, "embedding") for each in reference],
    }
    labels = dataset.labels["content"][dataset.rows(content=asked.split)]
    print(f"{dataset.name} on {asked.backbone}, {asked.split} classes, {len(seeds)} seed(s)\n\n{table(rows, labels)}")


if __name__ == "__main__":
    main()

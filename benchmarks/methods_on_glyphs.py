"""Every method on glyphs, each beside the baseline that its own page names.

    python benchmarks/methods_on_glyphs.py --quick           # one seed and 200 steps: only whether it runs
    python benchmarks/methods_on_glyphs.py                   # three seeds; the presets' own steps
    python benchmarks/methods_on_glyphs.py --seeds 0         # one of them

Methods of one domain go through `unbraid compare` with `methods_on_glyphs.yaml`: the shipped VAE, 90 characters to train
on and 30 to be judged by. `slice` trains nothing and needs a latent that is split already: the codes of cycle-VAE's runs.
JADE joins two domains, here glyphs in all training typefaces and the same characters in six typefaces with light and dark
exchanged. Finished runs are kept: the command goes on where it was stopped.

Differences are on the same episodes or pictures. Intervals are 95 %: of few-shot accuracy over characters (resampled), of
class accuracy over pictures, of attackers over pictures, where those of head and baseline are taken as independent.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import unbraid
from unbraid.core.artefacts import read_json, write_json
from unbraid.core.attached.fitting import training_rows
from unbraid.core.comparison import compare, load_comparison
from unbraid.core.comparison.recipe import ComparisonRecipe
from unbraid.core.comparison.run import Ground, Run, load_ground
from unbraid.core.evaluation import Figure
from unbraid.core.evaluation.episodes import EpisodeTable, draw_episodes
from unbraid.core.evaluation.evidence import Population
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.evaluation.figure import RANDOM, Interval
from unbraid.core.evaluation.gather import Modes, gather_evidence
from unbraid.core.evaluation.intervals import class_bootstrap_interval, normal_interval
from unbraid.core.interfaces import Dataset
from unbraid.core.latents import Latents, encode_dataset

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

RECIPE = Path(__file__).with_suffix(".yaml")
QUICK = ("seeds=[0]", "fit.steps=200", "evaluate.episodes=100", "evaluate.metrics.probes.epochs=2")
UNSEEN = "unseen_content"
RAW = "raw"
#: Typefaces of JADE's poorer domain. Of the others every third was looked at when the sizes of its `default` were chosen
#: (dropout, width of the classifier and of the content, variance); it is tested on the rest.
FEW, LOOKED_AT = 6, 3


@dataclass(frozen=True)
class Verdict:
    """A figure of a method, that of its baseline, and how far they are apart.

    Args:
        value, baseline: shares, means over seeds.
        interval: 95 %, of `value - baseline`.
        higher: which direction is good.
    """

    value: float
    baseline: float
    interval: Interval
    higher: bool = True

    @property
    def beaten(self) -> str:
        """Whether the method is better than the baseline, as far as the interval can tell."""
        low, high = self.interval if self.higher else (-self.interval[1], -self.interval[0])
        return "yes" if low > 0 else "**no**, worse" if high < 0 else "**no**, not told apart"


Measure = Callable[["Finished", str], Verdict]


@dataclass(frozen=True)
class Finished:
    """The runs of a comparison and the ground they stand on."""

    recipe: ComparisonRecipe
    ground: Ground
    out: Path

    def runs(self, label: str) -> list[Run]:
        """The runs of a method, one a seed."""
        return [Run(self.out, label, seed) for seed in self.recipe.seeds]

    def figures(self, label: str, prefix: str) -> list[Figure]:
        """The figure of each seed whose name begins so and that is about unseen contents, or about training ones."""
        found = [next(f for f in run.evaluation().figures if wanted(f, prefix)) for run in self.runs(label)]
        assert all(figure.value is not None for figure in found), found[0].not_applicable
        return found


def wanted(figure: Figure, prefix: str) -> bool:
    """Whether a figure has such a name; few-shot figures are those of unseen characters in seen typefaces."""
    return figure.name.startswith(prefix) and (UNSEEN in figure.name or not prefix.startswith("few_shot"))


def above_raw(prefix: str) -> Measure:
    """Few-shot accuracy of unseen characters against that of the raw latents, not standardised."""

    def measure(finished: Finished, label: str) -> Verdict:
        mine = [figure.trials for figure in finished.figures(label, prefix)]
        raw = finished.figures(RAW, "few_shot/")[0].trials
        assert raw is not None
        return of_episodes([trials.accuracies for trials in mine if trials], [raw.accuracies], raw.classes)

    return measure


def of_episodes(mine: Sequence[Floats], beside: Sequence[Floats], classes: Ints) -> Verdict:
    """Compare accuracies of episodes, a list a seed; where one side has fewer, those are the first."""
    n = min(len(each) for each in (*mine, *beside))
    ours, theirs = (np.mean([each[:n] for each in side], axis=0) for side in (mine, beside))
    interval = class_bootstrap_interval(ours - theirs, classes[:n], seed=0, bounds=(-1.0, 1.0))
    assert interval is not None
    return Verdict(float(ours.mean()), float(theirs.mean()), interval)


def above_untrained(finished: Finished, label: str) -> Verdict:
    """Few-shot accuracy of the content factor against that of the same head untrained."""
    mine = [figure.trials for figure in finished.figures(label, "few_shot/specified/")]
    assert mine[0] is not None
    beside = [untrained(run, finished) for run in finished.runs(label)]
    return of_episodes([trials.accuracies for trials in mine if trials], beside, mine[0].classes)


def untrained(run: Run, finished: Finished) -> Floats:
    """Accuracy of every episode by the untrained head of a run, as its figures have it as a baseline."""
    ground, episodes = finished.ground, run.evaluation().protocol["episodes"]
    model = unbraid.load(run.head, ground.backbone, device="cpu")
    population, table = unseen(model, ground.dataset, ground.latents, episodes)
    model.detach()
    return few_shot_accuracy(population.random_factors["specified"], table)


def unseen(
    model: unbraid.AttachedModel, dataset: Dataset, latents: Latents, episodes: int
) -> tuple[Population, EpisodeTable]:
    """Give unseen characters in seen typefaces, and the episodes of them that figures are of."""
    evidence = gather_evidence(model, dataset, latents, seed=0, episodes=episodes, modes=Modes())
    population = next(p for p in evidence.unseen() if p.name == UNSEEN)
    table = draw_episodes(
        population.label("content"), ways=5, shots=1, queries=15, episodes=episodes, seed=0, stream=f"few_shot/{UNSEEN}"
    )
    return population, table


class SplitEncoder(nn.Module):
    """A backbone and a trained head of two codes as one encoder, whose latent is [unspecified | specified]."""

    def __init__(self, model: unbraid.AttachedModel) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone.encoder, model.head

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch of images."""
        codes = self.head.disentangle(self.backbone(x).mean)
        return torch.cat([codes["unspecified"], codes["specified"]], 1)


def above_whole_latent(finished: Finished, label: str) -> Verdict:
    """Few-shot accuracy of the specified half of cycle-VAE's codes, cut by `slice`, against that of both halves."""
    ground, half, whole, classes = finished.ground, [], [], []
    for run in finished.runs("cycle_vae"):
        split = unbraid.load(run.head, ground.backbone, device="cpu")
        backbone = unbraid.freeze(SplitEncoder(split), input=ground.backbone.info.input.shape)
        latents = encode_dataset(backbone, ground.dataset, device="cpu")
        cut = unbraid.attach(label, backbone, device="cpu")
        population, table = unseen(cut, ground.dataset, latents, run.evaluation().protocol["episodes"])
        half.append(few_shot_accuracy(population.factors["specified"], table))
        whole.append(few_shot_accuracy(latents.z[torch.from_numpy(population.rows)].numpy(), table))
        classes.append(table.classes)
        cut.detach()
        split.detach()
    return of_episodes(half, whole, classes[0])


def leaks_less(finished: Finished, label: str) -> Verdict:
    """How much of the character fresh attackers read from style, against the untrained head's style."""
    figures = finished.figures(label, "leakage/unspecified/content")
    value, baseline = (
        float(np.mean(values)) for values in ([f.value for f in figures], [f.baselines[RANDOM] for f in figures])
    )
    halves = [half(figure.interval) for figure in figures] + [half(f.baseline_intervals[RANDOM]) for f in figures]
    wide = math.sqrt(2) * max(halves)  # the same pictures every seed: more seeds make it no narrower
    return Verdict(value, baseline, (value - baseline - wide, value - baseline + wide), higher=False)


def half(interval: Interval | None) -> float:
    """Half the width of an interval."""
    assert interval is not None
    return (interval[1] - interval[0]) / 2


def above_linear_probe(finished: Finished, label: str) -> Verdict:
    """Accuracy of the head's own classifier on new pictures, against a linear probe of the same latents and labels."""
    right, linear = [], []
    for run in finished.runs(label):
        ground = finished.ground
        model = unbraid.load(run.head, ground.backbone, device="cpu")
        train, test = training_rows(model, ground.dataset), closed_test(ground.dataset)
        right.append(hits(model, ground.latents, test))
        linear.append(linear_hits(ground.latents, train, ground.latents, test))
        model.detach()
    return of_pictures(right, linear)


def closed_test(dataset: Dataset) -> Ints:
    """Rows of training characters that heads of a closed set neither trained on nor were chosen by, new typefaces too."""
    rows = dataset.training_rows()
    return np.concatenate([rows[dataset.closed_set()[rows] == 2], dataset.rows(content="train", style="test")])


def hits(model: unbraid.AttachedModel, latents: Latents, rows: Ints) -> Floats:
    """Which rows the head's classifier gets right, 0 or 1."""
    part = latents.subset(torch.from_numpy(rows))
    with torch.no_grad():
        chosen = model.head.classify(part.z).argmax(1)
    return (chosen == part.label("content")).double().numpy()


def linear_hits(seen: Latents, train: Ints, latents: Latents, test: Ints) -> Floats:
    """Which rows a linear classifier of standardised latents gets right that learnt from the training rows."""
    known, asked = seen.subset(torch.from_numpy(train)), latents.subset(torch.from_numpy(test))
    mean, std = known.z.mean(0), known.z.std(0).clamp_min(1e-3)
    probe = LogisticRegression(max_iter=2000).fit(((known.z - mean) / std).numpy(), known.label("content").numpy())
    found = probe.predict(((asked.z - mean) / std).numpy())
    return (found == asked.label("content").numpy()).astype(float)


def of_pictures(mine: Sequence[Floats], beside: Sequence[Floats]) -> Verdict:
    """Compare hits on the same pictures, an array a seed."""
    ours, theirs = np.mean(mine, axis=0), np.mean(beside, axis=0)
    interval = normal_interval(ours - theirs)
    assert interval is not None
    return Verdict(float(ours.mean()), float(theirs.mean()), interval)


TELLS = "unseen characters, 5-way 1-shot, above the untrained head"
KEEPS = "character read from style, below the untrained head"
#: Label -> what its page promises, and how that is measured.
CLAIMS: Mapping[str, Sequence[tuple[str, Measure]]] = {
    "prototype": [("unseen characters, 5-way 1-shot, above raw latents", above_raw("few_shot/embedding"))],
    "matching": [("the same, by its own scorer", above_raw("few_shot_score/embedding"))],
    "fden": [("the same, by identity", above_raw("few_shot/identity"))],
    "dr_gan": [("the same, by identity", above_raw("few_shot/identity"))],
    "cycle_vae": [(TELLS, above_untrained), (KEEPS, leaks_less)],
    "mathieu": [(TELLS, above_untrained)],
    "szabo": [(TELLS, above_untrained)],
    "slice": [("half of cycle-VAE's codes, above both halves together", above_whole_latent)],
    **{
        label: [("new pictures of 90 characters, above a linear probe of the same labels", above_linear_probe)]
        for label in ("nvae", "m2")
    },
}
#: What cycle-VAE promises and the methods it is compared with do not.
NOT_PROMISED: Mapping[str, Sequence[tuple[str, Measure]]] = {
    label: [(KEEPS, leaks_less)] for label in ("mathieu", "szabo")
}


@dataclass(frozen=True)
class TwoDomains:
    """JADE's ground: glyphs, and the same characters in few typefaces with light and dark exchanged."""

    backbone: unbraid.Backbone
    training: Mapping[str, Dataset]
    test: Dataset
    out: Path

    @classmethod
    def of(cls, ground: Ground, out: Path) -> "TwoDomains":
        """Cut the domains from glyphs; the poorer one is tested on the typefaces that are not its own."""
        glyphs = ground.dataset
        rows, style = glyphs.training_rows(), glyphs.labels["style"]
        few = rows[np.isin(style[rows], np.unique(style[rows])[:FEW])]
        others = np.setdiff1d(style, style[few])
        looked_at = np.isin(style, others[::LOOKED_AT])
        rest = np.setdiff1d(glyphs.rows(content="train"), [*few, *np.flatnonzero(looked_at)])
        training = {"dark": part(glyphs, few, dark=True), "light": part(glyphs, rows)}
        return cls(ground.backbone, training, part(glyphs, rest, dark=True), out)

    def verdicts(self, seeds: Sequence[int], steps: int | None) -> list[tuple[str, str, Verdict]]:
        """Accuracy in the poorer domain, against a linear probe of the same labels, and against the paper's baselines."""
        latents = {name: self.encoded(name, data) for name, data in {**self.training, "test": self.test}.items()}
        known = np.flatnonzero(self.training["dark"].closed_set() == 0)
        linear = linear_hits(latents["dark"], known, latents["test"], np.arange(len(self.test)))
        right = {p: [self.hits(p, seed, steps, latents) for seed in seeds] for p in ("default", "single", "paired")}
        beside = {
            "exchanged pictures in other typefaces, above a linear probe of the same labels": [linear],
            "the same, above its preset `single`": right["single"],
            "the same, above its preset `paired`": right["paired"],
        }
        return [("jade", promise, of_pictures(right["default"], other)) for promise, other in beside.items()]

    def encoded(self, name: str, dataset: Dataset) -> Latents:
        """Encode a domain once."""
        return encode_dataset(self.backbone, dataset, cache=self.out / f"latents-{name}", device="cpu")

    def hits(self, preset: str, seed: int, steps: int | None, latents: Mapping[str, Latents]) -> Floats:
        """Train JADE with a preset and a seed, or read what it got right."""
        out = self.out / f"{preset}-{seed}"
        file = out.with_suffix(".json")
        if not file.exists():
            backbones = dict.fromkeys(self.training, self.backbone)
            model = unbraid.attach("jade", backbones, preset=preset, seed=seed, device="cpu")
            known = {name: latents[name] for name in self.training}
            model.fit(dict(self.training), latents=known, steps=steps, out=out, resume=True, eval_every=500)
            found = hits(model.domain("dark"), latents["test"], np.arange(len(self.test)))
            model.detach()
            write_json(file, {"hits": found.tolist()})
        return np.array(read_json(file)["hits"])


def part(dataset: Dataset, rows: Ints, *, dark: bool = False) -> Dataset:
    """Keep some rows, in memory, with light and dark exchanged or not."""
    images = np.asarray(dataset.images[rows])
    labels = {role: label[rows] for role, label in dataset.labels.items()}
    name = f"{dataset.name}-{'dark' if dark else 'light'}"
    return replace(dataset, name=name, images=255 - images if dark else images, labels=labels, factors={})


def table(verdicts: Sequence[tuple[str, str, Verdict]]) -> str:
    """Lay out a Markdown table."""
    lines = [
        "| method | what its page promises | measured | baseline | difference (95 %) | beaten |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for label, promise, each in verdicts:
        low, high = (100 * end for end in each.interval)
        apart = f"{100 * (each.value - each.baseline):+.1f} ({low:+.1f} .. {high:+.1f})"
        lines.append(f"| {label} | {promise} | {each.value:.1%} | {each.baseline:.1%} | {apart} | {each.beaten} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/methods-on-glyphs"), help="folder of all results")
    parser.add_argument("--quick", action="store_true", help="one seed, few steps: only whether it runs")
    parser.add_argument("--seeds", type=int, nargs="+", help="instead of those of the recipe")
    asked = parser.parse_args()
    out = asked.out / "quick" if asked.quick else asked.out
    chosen = [f"seeds={asked.seeds}"] if asked.seeds else []
    recipe = load_comparison(RECIPE, [*(QUICK if asked.quick else ()), *chosen])
    compare(recipe, out / "comparison")
    finished = Finished(recipe, load_ground(recipe, out / "comparison"), out / "comparison")
    domains = TwoDomains.of(finished.ground, out / "jade")
    *joined, beside_paired = domains.verdicts(recipe.seeds, 200 if asked.quick else None)
    print(f"glyphs, {len(recipe.seeds)} seed(s)\n\n{table([*measured(CLAIMS, finished), *joined])}\n")
    print(f"Not promised:\n\n{table([*measured(NOT_PROMISED, finished), beside_paired])}")


def measured(claims: Mapping[str, Sequence[tuple[str, Measure]]], finished: Finished) -> list[tuple[str, str, Verdict]]:
    """Hold claims to the runs of a comparison."""
    return [
        (label, promise, measure(finished, label))
        for label, promises in claims.items()
        for promise, measure in promises
    ]


if __name__ == "__main__":
    main()

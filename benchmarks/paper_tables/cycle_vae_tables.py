"""Cycle-VAE, Mathieu and Szabo on MNIST: what a fresh attacker reads of the digit from each code.

From the weights that the authors of cycle-VAE published for all three (tier A), and from our own training of cycle-VAE
by its preset `paper` on pixels (tier B): 16 and 16 numbers as the paper has it, and short runs of its variants. A run
that was made elsewhere can be dropped in: `--out`/full/cycle-vae/own-16 is the folder that `fit` wrote.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from results import kept, markdown, part, percent, published
from torch import Tensor, nn

import unbraid
from unbraid.core.interfaces import Dataset, Draws, Posterior
from unbraid.core.latents import encode_dataset
from unbraid.core.threads import threads

FOLDERS = {"cycle-VAE": "cycle-vae", "Mathieu": "mathieu", "Szabo": "szabo"}
#: Test accuracy in % of the paper's own attacker, from the specified and the (sampled) unspecified code.
PRINTED = {
    "cycle-VAE": (98.35, 17.56),
    "Mathieu": (98.52, 66.83),
    "Szabo": (98.46, 96.08),
    "16 and 16 numbers": (98.35, 17.56),
    "64 and 64 numbers": (98.33, 26.55),
    "with reconstruction in the reverse cycle": (98.38, 14.25),
    "with an adversary, both hear it": (97.91, 23.28),
    "with an adversary, the decoder hears it": (97.01, 18.04),
    "2-Wasserstein distance": (98.33, 16.34),
}
OWN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "16 and 16 numbers": ("own-16", {}),
    "64 and 64 numbers": ("own-64", {"specified": 64, "unspecified": 64}),
    "with reconstruction in the reverse cycle": ("own-reverse", {"reverse_reconstruction": 2.0}),
    "with an adversary, both hear it": ("own-both", {"adversary": "both"}),
    "with an adversary, the decoder hears it": ("own-decoder", {"adversary": "decoder"}),
    "2-Wasserstein distance": ("own-wasserstein", {"distance": "wasserstein"}),
}
#: Steps of the run that repeats the paper's, of the others, and of all in the quick form.
STEPS, OTHERS, QUICK_STEPS = 93_700, 10_000, 2_000
EPOCHS, QUICK_EPOCHS = 60, 8
#: The quick form attacks from every so many training digits.
QUICK_PART = 3
SEEDS = 3
BATCH, WIDTH, SLOPE, RATE = 128, 256, 0.2, 1e-3
PROTOCOL = (
    "Digit (chance 10 %, most frequent one 11.35 %) read by a fresh attacker: two layers of 256 with batch norm and slope "
    "0.2, Adam 1e-3, batches of 128, from MNIST's training digits, tested on its 10,000 test digits. Samples are drawn "
    "anew for every batch, in training and once for the test. The paper's figures are of samples; it prints no means."
)


@dataclass(frozen=True)
class Codes:
    """The two codes of some digits, and the digits."""

    specified: Posterior
    unspecified: Posterior
    labels: Tensor


def attacked(train: Posterior, labels: Tensor, test: Posterior, truth: Tensor, *, epochs: int, seed: int) -> float:
    """Train an attacker on samples of codes `(n, width)`, or points, and give its accuracy on other digits."""
    draws = Draws(seed, "attacker", 0)
    torch.manual_seed(seed)
    mean, spread = train.mean.mean(0), _spread(train)
    scaled = [Posterior((each.mean - mean) / spread, _log(each, spread)) for each in (train, test)]
    width, classes = train.mean.shape[1], int(labels.max()) + 1
    network = nn.Sequential(*_hidden(width), *_hidden(WIDTH), nn.Linear(WIDTH, classes))
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    for _ in range(epochs):
        for rows in draws.permutation(len(labels)).split(BATCH):
            if len(rows) < BATCH and len(labels) >= BATCH:
                continue  # batch norm of a handful
            loss = nn.functional.cross_entropy(network(_sample(scaled[0], rows, draws)), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    network.eval()
    with torch.no_grad():
        guessed = network(_sample(scaled[1], torch.arange(len(truth)), draws)).argmax(1)
    return float((guessed == truth).float().mean())


def _hidden(width: int) -> tuple[nn.Module, ...]:
    return nn.Linear(width, WIDTH), nn.BatchNorm1d(WIDTH), nn.LeakyReLU(SLOPE)


def _spread(posterior: Posterior) -> Tensor:
    """Deviation of what the attacker sees, samples or means: a number at its prior has means that hardly move."""
    own = 0 if posterior.log_variance is None else posterior.log_variance.exp().mean(0)
    return (posterior.mean.var(0) + own).sqrt().clamp_min(1e-3)


def _log(posterior: Posterior, spread: Tensor) -> Tensor | None:
    return None if posterior.log_variance is None else posterior.log_variance - 2 * spread.log()


def _sample(posterior: Posterior, rows: Tensor, draws: Draws) -> Tensor:
    if posterior.log_variance is None:
        return posterior.mean[rows]
    own = Posterior(posterior.mean[rows], posterior.log_variance[rows])
    return own.sample(draws.normal(*own.mean.shape))


def read(train: Codes, test: Codes, *, epochs: int, seeds: int) -> dict[str, list[float]]:
    """Attack the specified code, samples of the unspecified one, and its mean."""
    kinds = {"specified": (train.specified, test.specified)}
    if train.unspecified.log_variance is not None:
        kinds["sampled"] = (train.unspecified, test.unspecified)
    kinds["mean"] = (Posterior(train.unspecified.mean), Posterior(test.unspecified.mean))
    with threads(1):
        return {
            kind: [attacked(fit, train.labels, held, test.labels, epochs=epochs, seed=seed) for seed in range(seeds)]
            for kind, (fit, held) in kinds.items()
        }


def mnist() -> Dataset:
    """Give MNIST with all ten digits for training; test writers stay apart."""
    return unbraid.load_dataset("mnist-writers", content_split={"classes": {"train": tuple("0123456789")}})


def measured(dataset: Dataset, every: int) -> tuple[Dataset, Tensor, Tensor]:
    """Give every so many of MNIST's training digits and all test digits, and the rows of both in it."""
    test = dataset.rows(style="test")
    train = np.setdiff1d(np.arange(len(dataset)), test)[::every]
    rows = torch.arange(len(train) + len(test))
    return part(dataset, np.concatenate([train, test])), rows[: len(train)], rows[len(train) :]


def published_codes(name: str, out: Path, dataset: Dataset) -> Codes:
    """Encode digits by published networks, and cut their latents in two with the method `slice`."""
    files = [f"pair-disentangling/{FOLDERS[name]}/{network}.pth" for network in ("encoder", "decoder")]
    backbone = published("two_code", files, out / "weights" / FOLDERS[name])
    head = unbraid.attach("slice", backbone, device="cpu").head
    latents = encode_dataset(backbone, dataset, device="cpu")
    means = head.disentangle(latents.mean)
    spreads = {} if latents.log_variance is None else head.disentangle(latents.log_variance)  # Szabo's code is a point
    unspecified = Posterior(means["unspecified"], spreads.get("unspecified"))
    return Codes(Posterior(means["specified"]), unspecified, latents.label("content"))


def trained_codes(folder: Path, settings: Mapping[str, Any], steps: int, dataset: Dataset) -> Codes:
    """Train cycle-VAE on pixels by the writers of MNIST's training digits, or go on with it, and encode digits."""
    backbone = unbraid.load_backbone("pixels", channels=1, size=28)
    model = unbraid.attach("cycle_vae", backbone, preset="paper", device="cpu", **settings)
    model.fit(mnist(), steps=steps, out=folder, resume=True, eval_every=2_500, log_every=250, checkpoint_every=2_000)
    latents = encode_dataset(backbone, dataset, device="cpu")
    with torch.no_grad():
        found = [model.head.eval().posterior(z) for z in latents.chunks(1_000)]
    log_variances = [each["unspecified"].log_variance for each in found]
    return Codes(
        Posterior(torch.cat([each["specified"].mean for each in found])),
        Posterior(
            torch.cat([each["unspecified"].mean for each in found]),
            torch.cat([each for each in log_variances if each is not None]),
        ),
        latents.label("content"),
    )


def some(codes: Codes, rows: Tensor) -> Codes:
    """Keep some digits."""
    cut = lambda p: Posterior(p.mean[rows], None if p.log_variance is None else p.log_variance[rows])
    return Codes(cut(codes.specified), cut(codes.unspecified), codes.labels[rows])


def table(out: Path, quick: bool) -> Iterator[str]:
    """Measure what is missing and lay out the tables."""
    data = cache(lambda: measured(mnist(), QUICK_PART if quick else 1))
    epochs, seeds = (QUICK_EPOCHS, 1) if quick else (EPOCHS, SEEDS)

    def measure(make: Callable[[Dataset], Codes]) -> dict[str, list[float]]:
        dataset, *rows = data()
        codes = make(dataset)
        train, test = (some(codes, each) for each in rows)
        return read(train, test, epochs=epochs, seeds=seeds)

    yield f"{PROTOCOL} {'Every third training digit, ' if quick else ''}{epochs} passes, {seeds} attacker(s)."
    found = {
        name: kept(out / f"{folder}.json", partial(measure, partial(published_codes, name, out)))
        for name, folder in FOLDERS.items()
    }
    yield "Published weights, 16 and 16 numbers (tier A); accuracy in %, in brackets the paper's:"
    yield _laid_out(found)
    yield "Our own training of cycle-VAE, preset `paper` on pixels, seed 0 (tier B):"
    for name, (folder, settings) in OWN.items():
        steps = QUICK_STEPS if quick else (STEPS if folder == "own-16" else OTHERS)
        train = partial(trained_codes, out / folder, settings, steps)
        found = {name: kept(out / f"{folder}.json", partial(measure, train))}
        yield f"{steps:,} steps, where the paper has {STEPS:,}:\n\n{_laid_out(found)}"


def _laid_out(found: Mapping[str, Mapping[str, Any]]) -> str:
    heads = ("", "specified (higher is better)", "unspecified, sampled (lower is better)", "unspecified, mean")
    rows = []
    for name, read_off in found.items():
        specified, unspecified = PRINTED[name]
        point = "sampled" not in read_off
        sampled = "" if point else f"{percent(read_off['sampled'])} ({unspecified:.2f})"
        mean = percent(read_off["mean"]) + (f" ({unspecified:.2f})" if point else "")
        rows.append([name, f"{percent(read_off['specified'])} ({specified:.2f})", sampled, mean])
    return markdown(heads, rows)

"""What "best" and early stopping look at: one number on validation classes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from unbraid.core.errors import LabelError
from unbraid.core.interfaces import Disentangler, Draws, EpisodeRows, Episodes, total
from unbraid.core.latents import Latents
from unbraid.core.training.runner import ObjectiveRunner
from unbraid.core.training.sampling import make_sampler

#: Episodes of one look; with 15 queries each, a standard error of about a point.
EPISODES = 200
BATCHES = 8
#: Rows that go through the head at once: layers of convolutions on pictures are wide.
LOOK = 1024


@dataclass(frozen=True, slots=True)
class Monitor:
    """A named number and whether more of it is better; `measure()` waits for the device."""

    name: str
    higher_is_better: bool
    measure: Callable[[], float]

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best so far; NaN and infinity never are."""
        if not math.isfinite(value):
            return False
        if best is None:
            return True
        return value > best if self.higher_is_better else value < best


def few_shot_monitor(head: Disentangler, validation: Mapping[str, Latents], seed: int) -> Monitor:
    """Five-way one-shot accuracy of the content factor on validation classes, always on the same episodes.

    Raises:
        LabelError: too few validation classes or rows for one-shot episodes.
    """
    for latents in validation.values():
        _episodes(latents)  # too few classes should be known before the first step

    def measure() -> float:
        return sum(_few_shot(head.domain(name), z, seed) for name, z in validation.items()) / len(validation)

    return Monitor("few_shot", True, measure)


def reconstruction_monitor(head: Disentangler, validation: Mapping[str, Latents]) -> Monitor:
    """Mean squared error of `entangle(disentangle(z))` as a share of the variance of z, on validation classes."""

    def measure() -> float:
        return sum(_reconstruction(head.domain(name), z) for name, z in validation.items()) / len(validation)

    return Monitor("reconstruction", False, measure)


def loss_monitor(runners: Sequence[ObjectiveRunner], seed: int) -> Monitor:
    """Total of the objectives on fixed batches of validation classes.

    Args:
        runners: made over the validation latents; their optimisers are not used.
        seed: of the batches.
    """

    def measure() -> float:
        values = [
            total(runner.losses(seed, f"validation/{runner.objective.name}", batch))
            for runner in runners
            for batch in range(BATCHES)
        ]
        return float(torch.stack(values).sum() / BATCHES)

    return Monitor("loss", False, measure)


def few_shot_accuracy(head: Disentangler, episodes: EpisodeRows) -> torch.Tensor:
    """Share of queries given to the right way, a scalar; by the head's `score`, else by the nearest prototype.

    Args:
        head: whose `score` is used where it has one.
        episodes: of content factors rather than latents.
    """
    support, query = episodes.support, episodes.query  # (E, C, K, f), (E, Q, f)
    if "score" in head.capabilities:
        e, c, k = support.shape[:3]
        q = query.shape[1]
        shape = (e, q, c, k, *support.shape[3:])
        first = support.unsqueeze(1).expand(shape).flatten(0, 3)
        second = query.unsqueeze(2).unsqueeze(2).expand(shape).flatten(0, 3)
        logits = head.score(first, second).view(e, q, c, k).mean(-1)
    else:
        logits = -torch.cdist(query.flatten(2), support.mean(2).flatten(2))
    return (logits.argmax(-1) == episodes.target).float().mean()


def _few_shot(head: Disentangler, latents: Latents, seed: int) -> float:
    name = head.factor("content").name
    codes = torch.cat([head.disentangle(z)[name] for z in latents.chunks(LOOK)])
    # The factor of every row once; then episodes are gathered from codes as they would be from latents.
    coded = replace(latents, mean=codes, log_variance=None, rows=None, labels={"content": latents.label("content")})
    episodes = make_sampler(_episodes(latents), {"default": coded})(Draws(seed, "validation", 0, codes.device))
    assert isinstance(episodes, EpisodeRows)
    return float(few_shot_accuracy(head, episodes))


def _episodes(latents: Latents) -> Episodes:
    counts = torch.bincount(latents.label("content").clamp(min=-1).cpu() + 1)[1:]
    usable = counts[counts >= 2]
    if len(usable) < 2:
        raise LabelError(
            "too few validation classes to watch few-shot accuracy",
            expected="at least 2 validation classes with 2 rows each",
            found=f"{len(usable)} such classes",
            hint="give the data set a validation split",
        )
    queries = min(15, int(usable.min()) - 1)
    return Episodes(ways=min(5, len(usable)), shots=1, queries=queries, n=EPISODES)


def _reconstruction(head: Disentangler, latents: Latents) -> float:
    error = sum(((head.entangle(head.disentangle(z)) - z).double().square().sum() for z in latents.chunks(LOOK)), 0)
    variance = latents.moments()[1].sum() * len(latents)
    return float(error / variance)

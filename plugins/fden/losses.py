"""What FDEN minimises, equations (3) to (7), and how the gradients meet."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.interfaces import (
    BatchSpec,
    Draws,
    EpisodeRows,
    Episodes,
    Losses,
    Objective,
    OptimiserSpec,
    Samples,
    Term,
    total,
)
from unbraid.core.nn import donsker_varadhan, episode_cross_entropy, gradient_reversal
from unbraid.plugins.fden.clipping import adaptively_clipped
from unbraid.plugins.fden.names import batch_of, term_of

if TYPE_CHECKING:
    from unbraid.plugins.fden.config import FDENConfig
    from unbraid.plugins.fden.model import FDEN

Bound = Callable[[Tensor, Tensor], Tensor]
#: Terms whose gradient the disentangler gets reversed, and never longer than that of the others.
ADVERSARIAL = ("mutual_information", "adversary")


class Factorising:
    """The objective that moves all networks.

    The disentangler (theta) descends on `alpha L_R + beta L_C + gamma L_M`, the statistician (xi) ascends on L_M, the
    entangler (phi) descends on L_R and the alignment networks (psi) on the L_C of their label.
    """

    def __init__(self, head: "FDEN") -> None:
        self.head = head
        config = head.config
        self.updates = [*head.disentangler, *head.task_parts, *head.opponents]
        self.episodes = {label: _episodes(config, label, ways) for label, ways in head.ways.items()}

    @property
    def rows(self) -> int:
        """Latents of one step: support and query of every label's episodes."""
        return sum(e.n * (e.ways * e.shots + e.queries_per_episode) for e in self.episodes.values())

    def objective(self) -> Objective:
        """Give the objective for the engine."""
        return Objective(
            name="factorise",
            batch=self.batch(),
            loss=self.loss,
            updates=self.updates,
            optimiser=optimiser_of(self.head),
            backward=self.backward,
        )

    def batch(self) -> dict[str, BatchSpec]:
        """Say what a step draws: episodes of each label, and rows with their classes for the adversary."""
        drawn: dict[str, BatchSpec] = {batch_of(label): each for label, each in self.episodes.items()}
        if self.head.adversary is not None:
            drawn["rows"] = Samples(self.rows)
        return drawn

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the terms on all latents of the step's episodes, support and query together."""
        head, config = self.head, self.head.config
        episodes: list[EpisodeRows] = [batch[batch_of(label)] for label in config.labels]
        parts = [rows for e in episodes for rows in (e.support.flatten(0, 2), e.query.flatten(0, 1))]
        sizes = [len(part) for part in parts]
        standardised = head.standardised(torch.cat(parts))
        factors = head.split(standardised)
        rebuilt = head.join(*factors)
        terms = {"reconstruction": Term(self._misfit(rebuilt, standardised, sizes), config.alpha)}
        for i, (label, e) in enumerate(zip(config.labels, episodes, strict=True)):
            # labelled factors come first, in the order of their labels
            of_support, of_query = factors[i].split_with_sizes(sizes)[2 * i : 2 * i + 2]
            logits = head.align(
                of_support.reshape(*e.support.shape[:3], -1), of_query.reshape(*e.query.shape[:2], -1), label
            )
            terms[term_of(label)] = Term(episode_cross_entropy(logits, e.target), config.beta)
        if config.gamma:
            # Reversed at the statistician's input, so one negative term serves both players.
            turned = [gradient_reversal(factor) for factor in factors]
            terms["mutual_information"] = Term(dependence(head.statistician, turned, draws, head.bound), -config.gamma)
        if head.adversary is not None:
            _, *others = head.split(head.standardised(batch["rows"].z))
            seen = gradient_reversal(torch.cat(others, 1).flatten(1))
            terms["adversary"] = Term(head.adversary(seen, batch["rows"].labels["content"]), config.adversary)
        return terms

    def backward(self, losses: Losses) -> None:
        """Fill the gradients; those of theta from its opponents are clipped adaptively."""
        head, how = self.head, self.head.config.clip
        against = {name: term for name, term in losses.items() if name in ADVERSARIAL}
        if how == "off" or not against:
            torch.autograd.backward(total(losses), inputs=_parameters(self.updates))
            return
        theta, task_only, xi = (_parameters(part) for part in (head.disentangler, head.task_parts, head.opponents))
        task = {name: term for name, term in losses.items() if name not in against}
        of_task = torch.autograd.grad(total(task), theta + task_only, retain_graph=True, materialize_grads=True)
        of_critic = torch.autograd.grad(total(against), theta + xi, materialize_grads=True)
        g_u, g_m = of_task[: len(theta)], of_critic[: len(theta)]
        clipped = adaptively_clipped(g_u, g_m, how)
        _assign(theta, [u + a for u, a in zip(g_u, clipped, strict=True)])
        _assign(task_only, of_task[len(theta) :])
        _assign(xi, of_critic[len(theta) :])

    def _misfit(self, rebuilt: Tensor, standardised: Tensor, sizes: list[int]) -> Tensor:
        if self.head.config.reconstruction == "rows":
            return F.mse_loss(rebuilt, standardised)
        sets = zip(rebuilt.split_with_sizes(sizes), standardised.split_with_sizes(sizes), strict=True)
        return torch.stack([F.mse_loss(one, other) for one, other in sets]).sum()


class Estimating:
    """Extra steps of the statistician alone, on fresh latents and factors that stand still."""

    def __init__(self, head: "FDEN", rows: int) -> None:
        self.head = head
        self.rows = rows

    def objective(self) -> Objective:
        """Give the objective for the engine."""
        return Objective(
            name="estimate",
            batch={"rows": Samples(self.rows)},
            loss=self.loss,
            updates=self.head.critics,
            optimiser=optimiser_of(self.head),
            repeat=self.head.config.critic_steps,
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the bound the statistician ascends on."""
        with torch.no_grad():
            factors = self.head.split(self.head.standardised(batch["rows"].z))
        return {"mutual_information": Term(dependence(self.head.statistician, factors, draws, self.head.bound), -1.0)}


def dependence(
    statistician: nn.Module, factors: Sequence[Tensor], draws: Draws, bound: Bound = donsker_varadhan
) -> Tensor:
    """Bound the total correlation of factors `(N, *factor)` from below; a scalar, in nats.

    Of two factors that is their mutual information, equation (4). Samples of the product of the marginals are the
    same rows with every factor but the first shuffled over the whole batch, each by itself.
    """
    first, *others = factors
    shuffled = [factor[draws.permutation(len(factor))] for factor in others]
    pairs = torch.cat([torch.cat([first, *others], 1), torch.cat([first, *shuffled], 1)])
    # One pass: batch norm must treat both kinds of pair alike, or the critic is not one function.
    joint, marginal = statistician(pairs).chunk(2)
    return bound(joint, marginal)


def optimiser_of(head: "FDEN") -> OptimiserSpec:
    """Adam with the head's settings."""
    return OptimiserSpec("adam", lr=head.config.lr, betas=head.config.betas)


def _episodes(config: "FDENConfig", label: str, ways: int) -> Episodes:
    return Episodes(
        ways,
        config.shots,
        config.queries,
        n=config.episodes,
        query_classes=min(config.query_classes, ways),
        label=label,
    )


def _parameters(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]


def _assign(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient

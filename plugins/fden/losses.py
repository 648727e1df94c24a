"""What FDEN minimises, equations (3) to (7), and how the gradients meet."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.interfaces import (
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

if TYPE_CHECKING:
    from unbraid.plugins.fden.model import FDEN


class Factorising:
    """The objective that moves all networks.

    The disentangler (theta) descends on `alpha L_R + beta L_C + gamma L_M`, the statistician (xi) ascends on L_M, the
    entangler (phi) descends on L_R and the alignment network (psi) on L_C.
    """

    def __init__(self, head: "FDEN") -> None:
        self.head = head
        config = head.config
        self.updates = [*head.disentangler, *head.task_parts, *head.critics]
        self.episodes = Episodes(
            config.ways, config.shots, config.queries, n=config.episodes, query_classes=config.query_classes
        )

    def objective(self) -> Objective:
        """Give the objective for the engine."""
        head = self.head
        return Objective(
            name="factorise",
            batch={"episodes": self.episodes},
            loss=self.loss,
            updates=self.updates,
            optimiser=optimiser_of(head),
            backward=self.backward,
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the three terms on all latents of the step's episodes, support and query together."""
        episodes: EpisodeRows = batch["episodes"]
        head, config = self.head, self.head.config
        support, query = episodes.support, episodes.query
        z = torch.cat([support.flatten(0, 2), query.flatten(0, 1)])
        standardised = head.standardised(z)
        identity, style = head.split(standardised)
        rebuilt = head.join(identity, style)
        supports = support.shape[:3].numel()
        of_support, of_query = identity[:supports], identity[supports:]
        logits = head.align(of_support.view(*support.shape[:3], -1), of_query.view(*query.shape[:2], -1))
        terms = {
            "reconstruction": Term(F.mse_loss(rebuilt, standardised), config.alpha),
            "alignment": Term(episode_cross_entropy(logits, episodes.target), config.beta),
        }
        if config.gamma:
            # Reversed at the statistician's input, so one negative term serves both players.
            bound = dependence(head.statistician, gradient_reversal(identity), gradient_reversal(style), draws)
            terms["mutual_information"] = Term(bound, -config.gamma)
        return terms

    def backward(self, losses: Losses) -> None:
        """Fill the gradients; those of theta from the critic are clipped adaptively."""
        head, how = self.head, self.head.config.clip
        if how == "off" or "mutual_information" not in losses:
            torch.autograd.backward(total(losses), inputs=_parameters(self.updates))
            return
        theta, task_only, xi = (_parameters(part) for part in (head.disentangler, head.task_parts, head.critics))
        critic = {"mutual_information": losses["mutual_information"]}
        task = {name: term for name, term in losses.items() if name not in critic}
        of_task = torch.autograd.grad(total(task), theta + task_only, retain_graph=True, materialize_grads=True)
        of_critic = torch.autograd.grad(total(critic), theta + xi, materialize_grads=True)
        g_u, g_m = of_task[: len(theta)], of_critic[: len(theta)]
        clipped = adaptively_clipped(g_u, g_m, how)
        _assign(theta, [u + a for u, a in zip(g_u, clipped, strict=True)])
        _assign(task_only, of_task[len(theta) :])
        _assign(xi, of_critic[len(theta) :])


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
            identity, style = self.head.split(self.head.standardised(batch["rows"].z))
        return {"mutual_information": Term(dependence(self.head.statistician, identity, style, draws), -1.0)}


def dependence(statistician: nn.Module, identity: Tensor, style: Tensor, draws: Draws) -> Tensor:
    """Bound the mutual information of two factors `(N, D)` from below, equation (4); a scalar, in nats.

    Samples of the product of the marginals are the same rows with the styles shuffled over the whole batch.
    """
    shuffled = style[draws.permutation(len(style))]
    pairs = torch.cat([torch.cat([identity, style], 1), torch.cat([identity, shuffled], 1)])
    # One pass: batch norm must treat both kinds of pair alike, or the critic is not one function.
    joint, marginal = statistician(pairs).chunk(2)
    return donsker_varadhan(joint, marginal)


def optimiser_of(head: "FDEN") -> OptimiserSpec:
    """Adam with the head's settings."""
    return OptimiserSpec("adam", lr=head.config.lr, betas=head.config.betas)


def _parameters(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]


def _assign(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient

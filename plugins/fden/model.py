"""The networks of FDEN."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.errors import CapabilityError
from unbraid.core.interfaces import (
    Backbone,
    Disentangler,
    Draws,
    Factor,
    LabelSpec,
    LatentSpec,
    Objective,
    only,
)
from unbraid.core.latents import Latents
from unbraid.core.nn import (
    MLP,
    RelationScorer,
    Standardise,
    initialise,
    matching_log_probabilities,
    prototype_logits,
    recalibrate_batch_norm,
)
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.losses import Estimating, Factorising

#: Widest latent the fully connected networks take.
MAX_WIDTH = 4096
#: What cosines are multiplied by in matching.
TEMPERATURE = 10.0


class FDEN(Disentangler):
    """Factorised Disentangler-Entangler Network (Yoon and Suk 2019, arXiv:1905.11088).

    Splits a latent into `identity` (aligned with the content label by episodes) and `style`, which a critic pushes
    towards independence of identity, and entangles the two back. Layers as in table 2 of the paper's supplement.
    Maps are flattened. The bound the critic gives is no evidence of independence: see the README.

    Args:
        config: settings.
        latent: shape of the latents, at most 4096 numbers.

    Raises:
        CapabilityError: the latent is wider.

    >>> head = FDEN(FDENConfig(), LatentSpec((16,))).eval()
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(2, 16)).items()}
    {'identity': (2, 16), 'style': (2, 16)}
    """

    capabilities = frozenset({"entangle", "score"})
    train_only = ("statistician",)
    monitor = "few_shot"

    def __init__(self, config: FDENConfig, latent: LatentSpec) -> None:
        super().__init__()
        _check_width(latent)
        self.config = config
        self.latent = latent
        self.steps = config.steps
        dim, width = latent.width, config.factor_width or latent.width
        self.factors = (Factor("identity", (width,), "content", label="content"), Factor("style", (width,), "style"))
        self.standardise = Standardise(latent, config.standardise)
        self.trunk = self._mlp(dim, config.trunk, 2 * dim)  # D_dec
        self.to_identity = self._mlp(2 * dim, config.branch, width)  # D_ide
        self.to_style = self._mlp(2 * dim, config.branch, width)  # D_sty
        self.from_identity = self._mlp(width, config.entangler_branch, dim)  # E_ide
        self.from_style = self._mlp(width, config.entangler_branch, dim)  # E_sty
        self.merge = self._mlp(2 * dim, config.entangler, dim)  # E_enc
        self.statistician = self._mlp(2 * width, config.critic, 1)  # F_mi
        self.relation = self._relation(width)  # F_psi, where it has weights
        initialise(self, config.initialiser)

    @classmethod
    def build(cls, config: FDENConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head; labels are not needed."""
        return cls(config, only(latents))

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation."""
        self.standardise.fit(only(latents))

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the objective of the paper, and one for extra critic steps where those are asked for."""
        factorising = Factorising(self)
        if not (self.config.critic_steps and self.config.gamma):
            return (factorising.objective(),)
        per_episode = self.config.ways * self.config.shots + factorising.episodes.queries_per_episode
        return (Estimating(self, self.config.episodes * per_episode).objective(), factorising.objective())

    def finish(self, latents: Mapping[str, Latents]) -> None:
        """Set batch-norm statistics to those of the finished networks on the training latents."""
        recalibrate_batch_norm(self, lambda: self._walk(only(latents)))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into `identity` and `style`, each `(B, width)`."""
        identity, style = self.split(self.standardised(z))
        return {"identity": identity, "style": style}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put `identity` and `style` back together to latents `(B, *latent)`."""
        merged = self.join(factors["identity"], factors["style"])
        return self.standardise.inverse(merged.view(-1, *self.latent.shape))

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Compare identities of a support row and a query, each `(B, width)`: `(B,)`, higher is more alike.

        The alignment network for `relation`, 10 times the cosine for `matching`, the negative squared distance for
        `prototype`.
        """
        if self.relation is not None:
            scores: Tensor = self.relation(first, second)
            return scores
        if self.config.alignment == "matching":
            return TEMPERATURE * F.cosine_similarity(first, second, dim=-1)
        return -(first - second).square().sum(-1)

    def standardised(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as the networks see them, `(B, D)`."""
        flat: Tensor = self.standardise(z)
        return flat.flatten(1)

    def split(self, standardised: Tensor) -> tuple[Tensor, Tensor]:
        """Give identity and style of standardised latents `(B, D)`."""
        shared = self.trunk(standardised)
        return self.to_identity(shared), self.to_style(shared)

    def join(self, identity: Tensor, style: Tensor) -> Tensor:
        """Give the standardised latents `(B, D)` of two factors."""
        merged: Tensor = self.merge(torch.cat([self.from_identity(identity), self.from_style(style)], 1))
        return merged

    def align(self, support: Tensor, query: Tensor) -> Tensor:
        """Score ways from identities: support `(E, C, K, width)`, query `(E, Q, width)` -> logits `(E, Q, C)`."""
        if self.relation is not None:
            return self.relation.logits(support, query)
        if self.config.alignment == "matching":
            return matching_log_probabilities(support, query, TEMPERATURE)
        return prototype_logits(support, query)

    @property
    def disentangler(self) -> list[nn.Module]:
        """The parts called theta in the paper."""
        return [self.trunk, self.to_identity, self.to_style]

    @property
    def entangler(self) -> list[nn.Module]:
        """The parts called phi."""
        return [self.from_identity, self.from_style, self.merge]

    @property
    def alignment(self) -> list[nn.Module]:
        """The parts called psi: none unless alignment is `relation`."""
        return [] if self.relation is None else [self.relation]

    @property
    def task_parts(self) -> list[nn.Module]:
        """What only the task moves: phi and psi."""
        return [*self.entangler, *self.alignment]

    @property
    def critics(self) -> list[nn.Module]:
        """The parts called xi: none where gamma is 0."""
        return [self.statistician] if self.config.gamma else []

    def _mlp(self, fan_in: int, hidden: tuple[int, ...], fan_out: int) -> MLP:
        return MLP((fan_in, *hidden, fan_out), dropout=self.config.dropout, slope=self.config.slope)

    def _relation(self, width: int) -> RelationScorer | None:
        if self.config.alignment != "relation":
            return None
        return RelationScorer(width, dropout=self.config.dropout, slope=self.config.slope)

    def _walk(self, latents: Latents) -> Iterator[Tensor]:
        """Forward all training latents through everything heads keep."""
        labels, start = latents.label("content"), 0
        for z in latents.chunks():
            factors = self.disentangle(z)
            yield self.entangle(factors)
            identity = factors["identity"]
            if self.relation is not None:
                yield self.score(identity, identity[self._partners(labels[start : start + len(z)])])
            start += len(z)

    def _partners(self, labels: Tensor) -> Tensor:
        """Give each row a partner as episodes do: one in `ways` of its own class, the others at random."""
        draws = Draws(0, "fden/partners", 0, labels.device)
        order = labels.argsort(stable=True)
        of_class = torch.empty_like(order).scatter_(0, order, order.roll(1))
        own = draws.uniform(len(labels)) * self.config.ways < 1
        return torch.where(own, of_class, draws.permutation(len(labels)))


def _check_width(latent: LatentSpec) -> None:
    if latent.width > MAX_WIDTH:
        raise CapabilityError(
            "fden flattens latents, and this one is too wide for fully connected networks",
            expected=f"at most {MAX_WIDTH} numbers",
            found=f"{' x '.join(map(str, latent.shape))} = {latent.width}",
            hint="tap the backbone at a narrower layer, or use smaller images",
        )

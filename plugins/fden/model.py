"""The networks of FDEN."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    MAX_WIDTH,
    MLP,
    BiasCorrectedBound,
    LatentView,
    RelationScorer,
    Standardise,
    donsker_varadhan,
    drawable_ways,
    initialise,
    matching_log_probabilities,
    prototype_logits,
    recalibrate_batch_norm,
)
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.critics import BranchedStatistician, ClassAdversary
from unbraid.plugins.fden.losses import Estimating, Factorising
from unbraid.plugins.fden.names import factor_of, relation_of

#: What cosines are multiplied by in matching.
TEMPERATURE = 10.0


class FDEN(Disentangler):
    """Factorised Disentangler-Entangler Network (Yoon and Suk 2019, arXiv:1905.11088).

    Splits a latent into `identity` (aligned with the content label by episodes) and `style`, which a critic pushes
    towards independence of identity, and entangles the two back. Layers as in table 2 of the paper's supplement.
    With more `labels` each has a factor of its own, aligned with it by episodes of its own, and the critic sees the
    total correlation of all factors, as in the journal version. The bound the critic gives is no evidence of
    independence: see the README.

    Args:
        config: settings.
        latent: shape of the latents; the setting `map` says how maps are seen.

    Raises:
        CapabilityError: the latent is a vector, or a map to be flattened, of more than 4096 numbers.

    >>> head = FDEN(FDENConfig(), LatentSpec((16,))).eval()
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(2, 16)).items()}
    {'identity': (2, 16), 'style': (2, 16)}
    >>> FDEN(FDENConfig(labels=("content", "beard", "age")), LatentSpec((16,))).names
    ('identity', 'beard', 'age', 'style')
    """

    capabilities = frozenset({"entangle", "score"})
    train_only = ("statistician", "moving_bound", "adversary")
    monitor = "few_shot"

    def __init__(self, config: FDENConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.config = config
        self.latent = latent
        self.view = LatentView(latent, config.map)
        self.view.require_narrow(by="fden")
        self.steps = config.steps
        dim, width = self.view.width, config.factor_width or self.view.width
        self.factors = _factors(config, self.view, width)
        count = len(self.names)
        self.standardise = Standardise(self.view.statistics, config.standardise)
        self.ways = dict.fromkeys(config.labels, config.ways)  # of each label's episodes; `prepare` knows better
        self.trunk = self._mlp(dim, config.trunk, count * dim)  # D_dec
        self.to_identity = self._disentangling(width)  # D_ide
        self.to_style = self._disentangling(width)  # D_sty
        self.from_identity = self._mlp(width, config.entangler_branch, dim)  # E_ide
        self.from_style = self._mlp(width, config.entangler_branch, dim)  # E_sty
        self.merge = self._mlp(count * dim, config.entangler, dim)  # E_enc
        self.statistician = self._statistician(count, width)  # F_mi
        self.relation = self._relation()  # F_psi, where it has weights
        for label in config.labels[1:]:  # last, as weights are drawn in this order
            self.add_module(f"to_{factor_of(label)}", self._disentangling(width))
            self.add_module(f"from_{factor_of(label)}", self._mlp(width, config.entangler_branch, dim))
            self.add_module(relation_of(label), self._relation())
        self.moving_bound = BiasCorrectedBound(config.critic_average) if config.critic_average else None
        self.adversary: ClassAdversary | None = None  # made by `prepare`, which knows the classes
        initialise(self, config.initialiser)

    @classmethod
    def build(cls, config: FDENConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head; labels are not needed."""
        return cls(config, only(latents))

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation, count classes, and make the class adversary where one is asked for."""
        self.standardise.fit(self.view.of(only(latents)))
        c = self.config
        for label in c.labels[1:]:
            self.ways[label] = drawable_ways(only(latents).label(label), c.ways, c.shots + c.queries)
        if self.config.adversary:
            width = sum(factor.width for factor in self.factors if factor.role == "style")
            adversary = ClassAdversary(width, only(latents).classes["content"], slope=self.config.slope)
            initialise(adversary, self.config.initialiser)
            self.adversary = adversary.to(next(self.parameters()))

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the objective of the paper, and one for extra critic steps where those are asked for."""
        factorising = Factorising(self)
        if not (self.config.critic_steps and self.config.gamma):
            return (factorising.objective(),)
        return (Estimating(self, factorising.rows).objective(), factorising.objective())

    def finish(self, latents: Mapping[str, Latents]) -> None:
        """Set batch-norm statistics to those of the finished networks on the training latents."""
        recalibrate_batch_norm(self, lambda: self._walk(only(latents)))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into `identity`, a factor of each other label, and `style`: `(B, *factor)` each.

        Pooled maps have a last factor, `rest` `(B, *latent)`.
        """
        found = self.split(self.standardised(z))
        named = dict(zip(self.names, found, strict=True))
        if self.view.rest:
            named |= self.view.split(z, self._rebuilt(found))
        return named

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put the factors back together to latents `(B, *latent)`."""
        return self.view.join(self._rebuilt([factors[name] for name in self.names]), factors)

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Compare identities of a support row and a query, each `(B, *factor)`: `(B,)`, higher is more alike.

        The alignment network for `relation`, 10 times the cosine for `matching`, the negative squared distance for
        `prototype`.
        """
        return self._score(first.flatten(1), second.flatten(1), self.relation)

    def standardised(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as the networks see them: `(B, D)`, or `(B, C, H, W)` by positions."""
        return self.view.see(self.standardise(z))

    def split(self, standardised: Tensor) -> tuple[Tensor, ...]:
        """Give the factors of what `standardised` gives, in their order and without `rest`."""
        shared = self.trunk(standardised)
        parts = shared.chunk(len(self.names), 1) if self.config.split_trunk else [shared] * len(self.names)
        return tuple(getattr(self, f"to_{name}")(part) for name, part in zip(self.names, parts, strict=True))

    def join(self, *factors: Tensor) -> Tensor:
        """Give what `standardised` should have given, from factors in their order."""
        parts = [getattr(self, f"from_{name}")(factor) for name, factor in zip(self.names, factors, strict=True)]
        merged: Tensor = self.merge(torch.cat(parts, 1))
        return merged

    def align(self, support: Tensor, query: Tensor, label: str = "content") -> Tensor:
        """Score ways from the factor of a label: support `(E, C, K, width)`, query `(E, Q, width)` -> `(E, Q, C)`."""
        relation = self._relation_of(label)
        if relation is not None:
            return relation.logits(support, query)
        if self.config.alignment == "matching":
            return matching_log_probabilities(support, query, TEMPERATURE)
        return prototype_logits(support, query)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what networks find: factors of labels in the order of the labels, then `style`; never `rest`."""
        return tuple(factor.name for factor in self.factors if factor.role != "rest")

    @property
    def bound(self) -> Callable[[Tensor, Tensor], Tensor]:
        """What turns values of the statistician into a bound."""
        return self.moving_bound or donsker_varadhan

    @property
    def disentangler(self) -> list[nn.Module]:
        """The parts called theta in the paper."""
        return [self.trunk, *self._each("to_")]

    @property
    def entangler(self) -> list[nn.Module]:
        """The parts called phi."""
        return [*self._each("from_"), self.merge]

    @property
    def alignment(self) -> list[nn.Module]:
        """The parts called psi: none unless alignment is `relation`."""
        found = (self._relation_of(label) for label in self.config.labels)
        return [relation for relation in found if relation is not None]

    @property
    def task_parts(self) -> list[nn.Module]:
        """What only the task moves: phi and psi."""
        return [*self.entangler, *self.alignment]

    @property
    def critics(self) -> list[nn.Module]:
        """The parts called xi: none where gamma is 0."""
        return [self.statistician] if self.config.gamma else []

    @property
    def opponents(self) -> list[nn.Module]:
        """All that plays against theta: the critics, and the class adversary where there is one."""
        return [*self.critics, *([] if self.adversary is None else [self.adversary])]

    def _rebuilt(self, factors: Sequence[Tensor]) -> Tensor:
        return self.standardise.inverse(self.view.lay(self.join(*factors)))

    def _each(self, prefix: str) -> list[nn.Module]:
        return [getattr(self, prefix + name) for name in self.names]

    def _relation_of(self, label: str) -> RelationScorer | None:
        relation: RelationScorer | None = getattr(self, relation_of(label))
        return relation

    def _score(self, first: Tensor, second: Tensor, relation: RelationScorer | None) -> Tensor:
        if relation is not None:
            scores: Tensor = relation(first, second)
            return scores
        if self.config.alignment == "matching":
            return TEMPERATURE * F.cosine_similarity(first, second, dim=-1)
        return -(first - second).square().sum(-1)

    def _mlp(self, fan_in: int, hidden: tuple[int, ...], fan_out: int) -> nn.Module:
        return self.view.network(self._rows(fan_in, hidden, fan_out))

    def _rows(self, fan_in: int, hidden: tuple[int, ...], fan_out: int) -> MLP:
        c = self.config
        return MLP((fan_in, *hidden, fan_out), dropout=c.dropout, slope=c.slope, bias=c.bias)

    def _disentangling(self, width: int) -> nn.Module:
        parts = 1 if self.config.split_trunk else len(self.names)
        return self._mlp(parts * self.view.width, self.config.branch, width)

    def _statistician(self, count: int, width: int) -> nn.Module:
        c = self.config
        if not c.critic_branch:
            return self.view.verdict(self._rows(count * width, c.critic, 1))
        branched = BranchedStatistician(
            count, width, c.critic_branch, c.critic, dropout=c.dropout, slope=c.slope, bias=c.bias
        )
        return self.view.verdict(branched)

    def _relation(self) -> RelationScorer | None:
        c = self.config
        if c.alignment != "relation":
            return None
        width = self.factors[0].width
        _check_relation(width)
        return RelationScorer(width, dropout=c.dropout, slope=c.slope, bias=c.bias)

    def _walk(self, latents: Latents) -> Iterator[Tensor]:
        """Forward all training latents through everything heads keep."""
        start = 0
        for z in latents.chunks(self.view.chunk):
            factors = self.disentangle(z)
            yield self.entangle(factors)
            for label in self.config.labels:
                relation, factor = self._relation_of(label), factors[factor_of(label)]
                if relation is not None:
                    rows, factor = latents.label(label)[start : start + len(z)], factor.flatten(1)
                    yield relation(factor, factor[self._partners(rows, self.ways[label])])
            start += len(z)

    def _partners(self, labels: Tensor, ways: int) -> Tensor:
        """Give each row a partner as episodes do: one in `ways` of its own class, the others at random."""
        draws = Draws(0, "fden/partners", 0, labels.device)
        order = labels.argsort(stable=True)
        of_class = torch.empty_like(order).scatter_(0, order, order.roll(1))
        own = draws.uniform(len(labels)) * ways < 1
        return torch.where(own, of_class, draws.permutation(len(labels)))


def _factors(config: FDENConfig, view: LatentView, width: int) -> tuple[Factor, ...]:
    identity = view.factor("identity", width, "content", label="content")
    others = (view.factor(factor_of(label), width, "style", label=label) for label in config.labels[1:])
    return (identity, *others, view.factor("style", width, "style"), *view.rest)


def _check_relation(width: int) -> None:
    if width > MAX_WIDTH:
        raise CapabilityError(
            "fden's alignment network flattens factors, and this one is too wide for it",
            expected=f"at most {MAX_WIDTH} numbers",
            found=width,
            hint="alignment=prototype or alignment=matching, a smaller factor_width, or map=pooled",
        )

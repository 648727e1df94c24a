"""Embeddings whose class means are compared with queries."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from unbraid.core.interfaces import (
    Backbone,
    Disentangler,
    Draws,
    EpisodeRows,
    Episodes,
    LabelSpec,
    LatentSpec,
    Losses,
    Objective,
    OptimiserSpec,
    Term,
    only,
)
from unbraid.core.latents import Latents
from unbraid.core.nn import (
    EMBEDDING_SIDE,
    LatentView,
    Standardise,
    convolutional_embedding,
    drawable_ways,
    episode_cross_entropy,
    prototype_logits,
    recalibrate_batch_norm,
    row_embedding,
    rows_at_once,
    takes_convolutions,
)
from unbraid.plugins.prototype.config import PrototypeConfig


class Prototype(Disentangler):
    """A few-shot reference head (after Snell et al. 2017, arXiv:1703.05175): one content factor and nothing else.

    It sees the same frozen latents as a disentangler and spends everything on the classes, so it says how much of
    them a content factor could hold. `raw` says what they are worth untouched. It cannot entangle.

    Args:
        config: settings.
        latent: shape of the latents; the setting `map` says how maps are seen.

    Raises:
        CapabilityError: a network would have to flatten more than 4096 numbers of a map, or the convolutional one is
            asked for and the latent is no map, or too small.

    >>> head = Prototype(PrototypeConfig(network="linear"), LatentSpec((16,)))
    >>> head.disentangle(torch.zeros(2, 16))["embedding"].shape
    torch.Size([2, 64])
    """

    capabilities = frozenset({"score"})
    monitor = "few_shot"

    def __init__(self, config: PrototypeConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.config = config
        self.latent = latent
        self.ways = config.ways
        convolutional = takes_convolutions(config.network, latent, EMBEDDING_SIDE, by="prototype")
        self.view = _view(config, latent, convolutional)
        self.chunk = rows_at_once(latent) if convolutional else self.view.chunk
        as_it_is = convolutional and latent.is_picture
        self.standardise = Standardise(self.view.statistics, "none" if as_it_is else config.standardise)
        embedding, width = (
            convolutional_embedding(latent, config.width)
            if convolutional
            else row_embedding(config.network, self.view.width, config.hidden, config.width, dropout=config.dropout)
        )
        self.network = self.view.network(embedding)
        self.steps = 0 if config.network == "raw" else config.steps
        self.factors = (self.view.factor("embedding", width, "content", label="content"),)

    @classmethod
    def build(cls, config: PrototypeConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head; labels are not needed."""
        return cls(config, only(latents))

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation, and see how many classes episodes can be drawn from."""
        training: Latents = only(latents)
        self.standardise.fit(self.view.of(training))
        c = self.config
        self.ways = drawable_ways(training.label("content"), c.ways, c.shots + c.queries)

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the prototypical loss; nothing for `raw`."""
        if self.config.network == "raw":
            return ()
        episodes = Episodes(self.ways, self.config.shots, self.config.queries, n=self.config.episodes)
        return (
            Objective(
                name="prototypes",
                batch={"episodes": episodes},
                loss=self.loss,
                updates=[self.network],
                optimiser=OptimiserSpec("adam", lr=self.config.lr),
            ),
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the cross-entropy of queries over negative squared distances to class means."""
        episodes: EpisodeRows = batch["episodes"]
        support, query = episodes.support, episodes.query
        embedded = self._embed(torch.cat([support.flatten(0, 2), query.flatten(0, 1)]))
        supports = support.shape[:3].numel()
        logits = prototype_logits(
            embedded[:supports].reshape(*support.shape[:3], -1), embedded[supports:].reshape(*query.shape[:2], -1)
        )
        return {"prototypes": Term(episode_cross_entropy(logits, episodes.target))}

    def finish(self, latents: Mapping[str, Latents]) -> None:
        """Set batch-norm statistics to those of the finished network on the training latents."""
        recalibrate_batch_norm(self, lambda: self._walk(only(latents)))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Give the `embedding` `(B, *factor)` of latents `(B, *latent)`."""
        return {"embedding": self._embed(z)}

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Give the negative squared distance of two embeddings, each `(B, *factor)`: `(B,)`."""
        return -(first - second).flatten(1).square().sum(-1)

    def _embed(self, z: Tensor) -> Tensor:
        embedded: Tensor = self.network(self.view.see(self.standardise(z)))
        return embedded

    def _walk(self, latents: Latents) -> Iterator[Tensor]:
        return (self._embed(z) for z in latents.chunks(self.chunk))


def _view(config: PrototypeConfig, latent: LatentSpec, convolutional: bool) -> LatentView:
    if convolutional:  # lays the rows out again
        return LatentView(latent, "flattened")
    if config.network == "raw":  # nothing that could be too wide
        return LatentView(latent, "flattened" if config.map == "auto" else config.map)
    view = LatentView(latent, config.map)
    if latent.is_map:
        view.require_narrow(by="prototype")
    return view

"""Embeddings that queries and support rows are matched by."""

from collections.abc import Mapping, Sequence
from typing import Self

from torch import Tensor
from torch.nn import functional as F

from unbraid.core.interfaces import (
    Backbone,
    Disentangler,
    Episodes,
    Factor,
    LabelSpec,
    LatentSpec,
    Objective,
    OptimiserSpec,
    only,
)
from unbraid.core.latents import Latents
from unbraid.core.latents.latents import CHUNK
from unbraid.core.nn import (
    EMBEDDING_SIDE,
    Standardise,
    convolutional_embedding,
    drawable_ways,
    recalibrate_batch_norm,
    require_narrow,
    row_embedding,
    rows_at_once,
    takes_convolutions,
)
from unbraid.plugins.matching.config import MatchingConfig
from unbraid.plugins.matching.losses import MatchingLoss


class Matching(Disentangler):
    """A few-shot reference head (after Vinyals et al. 2016, arXiv:1606.04080): one content factor and nothing else.

    A query belongs to the way whose support rows draw most of its attention, a softmax over cosines. Every support row
    counts by itself, where `prototype` takes their mean. It cannot entangle.

    Args:
        config: settings.
        latent: shape of the latents; maps are flattened.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks, of which `raw` has none, or the
            convolutional one is asked for and the latent is no map, or too small.

    >>> import torch
    >>> head = Matching(MatchingConfig(network="linear"), LatentSpec((16,)))
    >>> head.disentangle(torch.zeros(2, 16))["embedding"].shape
    torch.Size([2, 64])
    """

    capabilities = frozenset({"score"})
    monitor = "few_shot"

    def __init__(self, config: MatchingConfig, latent: LatentSpec) -> None:
        super().__init__()
        convolutional = takes_convolutions(config.network, latent, EMBEDDING_SIDE, by="matching")
        if config.network != "raw" and not convolutional:
            require_narrow(latent, by="matching", hint="network=raw, prototype with map=pooled, or a narrower layer")
        self.config = config
        self.latent = latent
        self.ways = config.ways
        as_it_is = convolutional and latent.is_picture
        self.standardise = Standardise(latent, "none" if as_it_is else config.standardise)
        self.network, width = (
            convolutional_embedding(latent, config.width)
            if convolutional
            else row_embedding(config.network, latent.width, config.hidden, config.width, dropout=config.dropout)
        )
        self.chunk = rows_at_once(latent) if convolutional else CHUNK
        self.steps = 0 if config.network == "raw" else config.steps
        self.factors = (Factor("embedding", (width,), "content", label="content"),)

    @classmethod
    def build(cls, config: MatchingConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head; labels are not needed."""
        return cls(config, only(latents))

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation, and see how many classes episodes can be drawn from."""
        training: Latents = only(latents)
        self.standardise.fit(training)
        c = self.config
        self.ways = drawable_ways(training.label("content"), c.ways, c.shots + c.queries)

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the loss of attention over the support; nothing for `raw`."""
        c = self.config
        if c.network == "raw":
            return ()
        return (
            Objective(
                name="matching",
                batch={"episodes": Episodes(self.ways, c.shots, c.queries, n=c.episodes)},
                loss=MatchingLoss(self._embed, c.temperature),
                updates=[self.network],
                optimiser=OptimiserSpec("adam", lr=c.lr),
            ),
        )

    def finish(self, latents: Mapping[str, Latents]) -> None:
        """Set batch-norm statistics to those of the finished network on the training latents."""
        recalibrate_batch_norm(self, lambda: (self._embed(z) for z in only(latents).chunks(self.chunk)))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Give the `embedding` `(B, width)` of latents `(B, *latent)`."""
        return {"embedding": self._embed(z)}

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Give the attention between two embeddings, each `(B, width)`, up to a factor: `(B,)` in (0, 1].

        It is `exp(temperature (cosine - 1))`. The sum over the support rows of a way is its probability once the ways
        are normalised, so the way with the highest mean score is the way that equation (1) chooses, for any shots.
        """
        return (self.config.temperature * (F.cosine_similarity(first, second, dim=-1) - 1)).exp()

    def _embed(self, z: Tensor) -> Tensor:
        embedded: Tensor = self.network(self.standardise(z).flatten(1))
        return embedded

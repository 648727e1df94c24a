"""What an objective asks of the sampler (specs) and what it gets (drawn records)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from unbraid.core.interfaces.specs import DEFAULT_DOMAIN

# Shapes: B rows, E episodes, C ways, K shots, Q queries of an episode, * the latent's own shape.


class Rows(NamedTuple):
    """Independent rows: latents and the labels of each (by role; -1 is missing)."""

    z: Tensor  # (B, *)
    labels: Mapping[str, Tensor]  # role -> (B,)


class Pairs(NamedTuple):
    """Two different rows of one class, many times."""

    first: Tensor  # (B, *)
    second: Tensor  # (B, *)
    labels: Mapping[str, Tensor]  # the class both share, under the role that was asked for: (B,)


class EpisodeRows(NamedTuple):
    """Few-shot episodes: a support set of each way, and queries with the way they belong to."""

    support: Tensor  # (E, C, K, *)
    query: Tensor  # (E, Q, *)
    target: Tensor  # (E, Q), way indices


class CellRows(NamedTuple):
    """Two rows that differ in content and style, and the two cells that mix them."""

    first: Tensor  # (B, *) content c, style s
    second: Tensor  # (B, *) content c', style s'
    first_in_second_style: Tensor  # (B, *) content c, style s'
    second_in_first_style: Tensor  # (B, *) content c', style s


@dataclass(frozen=True, slots=True)
class Samples:
    """`n` rows drawn with replacement, of all or of those that have a label; the objective gets `Rows`."""

    n: int
    domain: str = DEFAULT_DOMAIN
    label: str | None = None


@dataclass(frozen=True, slots=True)
class SameClassPairs:
    """`n` pairs of different rows that share the class of a label; the objective gets `Pairs`."""

    n: int
    label: str = "content"
    domain: str = DEFAULT_DOMAIN


@dataclass(frozen=True, slots=True)
class Episodes:
    """`n` episodes of `ways` classes with `shots` support rows each; the objective gets `EpisodeRows`.

    `queries` rows are drawn of every query class; `query_classes` of the ways are query classes (all of them unless
    told; the FDEN paper uses one).
    """

    ways: int
    shots: int
    queries: int = 1
    n: int = 16
    query_classes: int | None = None
    label: str = "content"
    domain: str = DEFAULT_DOMAIN

    @property
    def queries_per_episode(self) -> int:
        """Q, the query rows of one episode."""
        return self.queries * (self.ways if self.query_classes is None else self.query_classes)


@dataclass(frozen=True, slots=True)
class Cells:
    """`n` crossings of two contents and two styles, where all four cells exist; the objective gets `CellRows`."""

    n: int
    domain: str = DEFAULT_DOMAIN


BatchSpec = Samples | SameClassPairs | Episodes | Cells
Drawn = Rows | Pairs | EpisodeRows | CellRows
#: What a loss is called with: the drawn records under the names the objective gave them.
Batch = Mapping[str, Drawn]

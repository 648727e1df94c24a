"""Few-shot episodes as index tables: drawn once, shared by everything that is compared."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.interfaces.draws import derive_seed

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeTable:
    """E episodes of C ways with K support and Q query samples of each way.

    Args:
        support: `(E, C, K)` positions of samples.
        query: `(E, W, Q)` positions of samples, none of them in the support; W is C where every way is asked for.
        classes: `(E, C)` class of each way.
        asked: `(E, W)` which ways the queries are of; None is every way, in order.
    """

    support: Ints
    query: Ints
    classes: Ints
    asked: Ints | None = None

    @property
    def targets(self) -> Ints:
        """The right way of each query, `(E, W * Q)`."""
        episodes, ways, queries = self.query.shape
        asked = np.broadcast_to(np.arange(ways), (episodes, ways)) if self.asked is None else self.asked
        return np.repeat(asked, queries, axis=1)

    def part(self, rows: slice) -> "EpisodeTable":
        """Give some of the episodes."""
        asked = None if self.asked is None else self.asked[rows]
        return EpisodeTable(support=self.support[rows], query=self.query[rows], classes=self.classes[rows], asked=asked)

    def digest(self, rows: Ints | None = None) -> str:
        """Hash of the table, so that two evaluations can show that they scored the same episodes.

        Args:
            rows: `(n,)` row in the data set of each position; None hashes the positions themselves.

        Returns:
            `sha256:` and 64 hexadecimal digits.
        """
        digest = hashlib.sha256()
        for table in (self.support, self.query):
            read = table if rows is None else rows[table]
            digest.update(_bytes(read))
        if self.asked is not None:
            digest.update(_bytes(self.asked))
        return f"sha256:{digest.hexdigest()}"

    def protocol(self, rows: Ints | None = None) -> dict[str, Any]:
        """What a figure must say about its episodes; JSON values."""
        episodes, ways, shots = self.support.shape
        return {
            "episodes": episodes,
            "ways": ways,
            "shots": shots,
            "queries_per_way": self.query.shape[2],
            "ways_asked": self.query.shape[1],
            "episode_hash": self.digest(rows),
        }


def draw_episodes(
    labels: Ints, *, ways: int, shots: int, queries: int, episodes: int, seed: int, stream: str = "episodes"
) -> EpisodeTable:
    """Draw episodes exactly uniformly: different classes, and within a class different samples.

    Args:
        labels: `(n,)` class of each sample; -1 is missing and never drawn.
        ways: classes in an episode.
        shots: support samples of each class.
        queries: query samples of each class.
        episodes: how many.
        seed: of the run.
        stream: name of the random stream; another name gives other episodes.

    Raises:
        ProtocolError: there are fewer classes than ways, or a class with fewer samples than shots + queries.

    >>> table = draw_episodes(np.arange(30) % 6, ways=5, shots=1, queries=2, episodes=4, seed=0)
    >>> table.support.shape, table.query.shape
    ((4, 5, 1), (4, 5, 2))
    """
    classes, counts, order = _sorted_classes(labels)
    _check(classes, counts, ways=ways, needed=shots + queries)
    rng = np.random.default_rng(derive_seed(seed, stream, 0))
    chosen = _distinct(rng, np.full(episodes, len(classes)), ways)
    within = _distinct(rng, counts[chosen], shots + queries)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    samples = order[starts[chosen][..., None] + within]
    return EpisodeTable(support=samples[..., :shots], query=samples[..., shots:], classes=classes[chosen])


def ask_once(table: EpisodeTable, *, seed: int, stream: str = "episodes") -> EpisodeTable:
    """Keep one query of each episode, of a way drawn at random: the protocol of FDEN's paper, an episode a coin flip.

    Args:
        table: episodes that ask for every way.
        seed: of the run.
        stream: name of the random stream.

    >>> table = draw_episodes(np.arange(30) % 6, ways=5, shots=1, queries=2, episodes=4, seed=0)
    >>> ask_once(table, seed=0).query.shape
    (4, 1, 1)
    """
    episodes, ways = table.classes.shape
    rng = np.random.default_rng(derive_seed(seed, f"{stream}/asked", 0))
    # at random, and not always the first: a code that ties every way must stay at chance
    asked = rng.integers(ways, size=(episodes, 1))
    query = np.take_along_axis(table.query, asked[..., None], axis=1)[..., :1]
    return EpisodeTable(support=table.support, query=query, classes=table.classes, asked=asked)


def smallest_class(labels: Ints) -> int:
    """Number of samples of the class that has the fewest; 0 where there is no class.

    >>> smallest_class(np.array([0, 0, 1, -1]))
    1
    """
    counts = np.unique(labels[labels >= 0], return_counts=True)[1]
    return int(counts.min()) if len(counts) else 0


def _bytes(table: Ints) -> bytes:
    return f"{table.shape}".encode() + np.ascontiguousarray(table, dtype="<i8").tobytes()


def _sorted_classes(labels: Ints) -> tuple[Ints, Ints, Ints]:
    """Give the classes, their sizes, and the positions of their samples one class after the other."""
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] >= 0]
    classes, counts = np.unique(labels[order], return_counts=True)
    return classes.astype(np.int64), counts.astype(np.int64), order.astype(np.int64)


def _check(classes: Ints, counts: Ints, *, ways: int, needed: int) -> None:
    if len(classes) < ways:
        raise ProtocolError(
            f"{ways}-way episodes need {ways} classes",
            expected=f"at least {ways} classes",
            found=f"{len(classes)}",
            hint="ask for fewer ways, or evaluate on a split with more classes",
        )
    if counts.min() < needed:
        small = int(classes[counts.argmin()])
        raise ProtocolError(
            "a class has too few samples for an episode",
            expected=f"at least {needed} samples (shots + queries) of every class",
            found=f"{int(counts.min())} of class {small}",
            hint="ask for fewer shots or queries",
        )


def _distinct(rng: np.random.Generator, high: Ints, k: int) -> Ints:
    """Draw k different integers below `high` for each element, in random order: `(*high.shape, k)`.

    Floyd's algorithm (Bentley & Floyd 1987), one pass over k for all elements at once.
    """
    drawn = np.empty((*high.shape, k), dtype=np.int64)
    for position in range(k):
        last = high - k + position
        candidate = rng.integers(0, last + 1)
        taken = (drawn[..., :position] == candidate[..., None]).any(-1)
        drawn[..., position] = np.where(taken, last, candidate)
    return rng.permuted(drawn, axis=-1)

"""Few-shot accuracy of codes: each query goes to the class whose support it is closest to."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ProtocolError
from unbraid.core.evaluation.checks import check_finite
from unbraid.core.evaluation.episodes import EpisodeTable

Array = npt.NDArray[np.floating]
#: How alike the rows of two arrays `(n, width)` are: `(n,)`, higher is more alike.
Score = Callable[[Array, Array], Array]

#: Numbers held at once while distances are computed.
BUDGET = 4_000_000


def few_shot_accuracy(codes: Array, episodes: EpisodeTable, score: Score | None = None) -> npt.NDArray[np.float64]:
    """Accuracy of each episode by nearest prototype (Snell et al. 2017): squared Euclid to the mean of the support.

    Codes are computed once a sample and gathered, so nothing leaks between support and query through a batch.

    Args:
        codes: `(n, width)`, one code a sample.
        episodes: positions of samples in `codes`.
        score: compares query and support samples instead; the way with the highest mean score wins.

    Returns:
        `(E,)` accuracies in [0, 1]. Queries are balanced, so codes that say nothing give 1 / ways.

    Raises:
        ProtocolError: an episode holds samples there is no code of.
        NonFiniteError: a code is NaN or infinite.
    """
    _check(codes, episodes)
    parts = _parts(episodes, codes.shape[1])
    found = [(_scores(codes, part, score).argmax(-1) == part.targets).mean(-1) for part in parts]
    accuracies: npt.NDArray[np.float64] = np.concatenate(found)
    return accuracies


def _check(codes: Array, episodes: EpisodeTable) -> None:
    last = max(int(episodes.support.max(initial=-1)), int(episodes.query.max(initial=-1)))
    if last >= len(codes) or not len(episodes.support):
        raise ProtocolError(
            "episodes do not match the codes",
            expected=f"at least one episode, of samples 0 .. {len(codes) - 1}",
            found=f"{len(episodes.support)} episodes, up to sample {last}",
            hint="draw the episodes from the labels of the same samples",
        )
    check_finite("codes", codes)


def _scores(codes: Array, part: EpisodeTable, score: Score | None) -> Array:
    """How well each query suits each way: `(E, W * Q, C)`."""
    queries = part.query.reshape(len(part.query), -1)
    if score is None:
        return _nearness(codes, part.support, queries)
    e, c, k = part.support.shape
    q = queries.shape[1]
    first = np.broadcast_to(part.support[:, None], (e, q, c, k)).ravel()
    second = np.broadcast_to(queries[:, :, None, None], (e, q, c, k)).ravel()
    scores: Array = score(codes[first], codes[second]).reshape(e, q, c, k).mean(-1)
    return scores


def _nearness(codes: Array, support: npt.NDArray[np.int64], queries: npt.NDArray[np.int64]) -> Array:
    prototypes = codes[support].astype(np.float64).mean(2)
    points = codes[queries].astype(np.float64)
    # |q|^2 is the same for every way and left out
    cross = points @ prototypes.swapaxes(1, 2)
    nearness: Array = 2 * cross - np.square(prototypes).sum(-1)[:, None, :]
    return nearness


def _parts(episodes: EpisodeTable, width: int) -> Iterator[EpisodeTable]:
    """Cut the table so that one part's codes fit the memory budget."""
    e, c, k = episodes.support.shape
    size = max(1, BUDGET // max(1, c * (episodes.query.shape[2] + k) * width))
    for start in range(0, e, size):
        yield episodes.part(slice(start, start + size))

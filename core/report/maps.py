"""Maps of factors: t-SNE of unseen samples, coloured by content and by style."""

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.draws import derive_seed
from unbraid.core.report.charts import COLOURS, Cloud, cloud
from unbraid.core.report.pictures import known_rows
from unbraid.core.threads import threads

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
#: Samples on a map at most, and at least.
MOST, LEAST = 500, 20
PERPLEXITY = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorMap:
    """One factor on a plane, once for each label it is coloured by."""

    factor: str
    role: str
    clouds: tuple[Cloud, ...]


def factor_maps(model: "AttachedModel", dataset: Dataset, *, seed: int = 0) -> tuple[list[FactorMap], str]:
    """Lay every factor out on a plane by t-SNE (van der Maaten & Hinton 2008).

    Args:
        model: any attached model.
        dataset: at most ten of its unseen contents are shown, in all styles.
        seed: of the choice and of t-SNE.

    Returns:
        One map a factor that has two numbers or more and is not constant, and a sentence on what is shown; no maps
        where the data set has fewer than twenty labelled samples.
    """
    rows, where = _rows(dataset, seed)
    if len(rows) < LEAST:
        return [], f"{len(rows)} labelled samples are too few for maps"
    factors = model.disentangle(dataset.images[rows])
    maps = []
    for factor in model.head.factors:
        codes = factors[factor.name].flatten(1).cpu().numpy()
        if codes.shape[1] > 1 and float(codes.std(0).max()) > 1e-6:
            points = plane(codes, derive_seed(seed, f"report/maps/{factor.name}", 0) % 2**31)
            clouds = tuple(_cloud(role, points, dataset.labels[role][rows]) for role in dataset.labels)
            maps.append(FactorMap(factor=factor.name, role=factor.role, clouds=clouds))
    return maps, where


def plane(codes: Array, seed: int) -> Array:
    """Lay codes `(n, width)` out on a plane, `(n, 2)`: openTSNE where it is installed, else scikit-learn.

    Dimensions are standardised first. The same seed gives the same plane, on one thread.
    """
    spread = codes.std(0)
    inputs = ((codes - codes.mean(0))[:, spread > 1e-6] / spread[spread > 1e-6]).astype(np.float64)
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    init = "pca" if inputs.shape[1] > 1 else "random"
    if importlib.util.find_spec("openTSNE") is not None:
        faster = importlib.import_module("openTSNE").TSNE(
            perplexity=perplexity, initialization=init, random_state=seed, n_jobs=1
        )
        return np.asarray(faster.fit(inputs))
    from sklearn.manifold import TSNE

    threadpool_limits = importlib.import_module("threadpoolctl").threadpool_limits  # scikit-learn brings it, untyped

    with threadpool_limits(1), threads(1):
        found: Array = TSNE(perplexity=perplexity, init=init, random_state=seed, max_iter=500).fit_transform(inputs)
    return found


def _rows(dataset: Dataset, seed: int) -> tuple[Ints, str]:
    """Choose at most ten contents, unseen ones where there are any, and at most `MOST` of their labelled samples."""
    rng = np.random.default_rng(derive_seed(seed, "report/maps", 0))
    known = known_rows(dataset)
    rows, where = dataset.rows(content="test"), "contents never seen in training"
    if not known[rows].any():
        rows, where = dataset.rows(), "contents seen in training"
    rows = rows[known[rows]]
    contents = rng.permutation(np.unique(dataset.labels["content"][rows]))[: len(COLOURS)]
    rows = rows[np.isin(dataset.labels["content"][rows], contents)]
    rows = np.sort(rng.permutation(rows)[:MOST])
    return rows, f"{len(rows)} samples of {len(contents)} {where}"


def _cloud(role: str, points: Array, classes: Ints) -> Cloud:
    """Colour the ten most frequent classes of a label; the others are grey, and samples without a label too."""
    found, counts = np.unique(classes[classes >= 0], return_counts=True)
    coloured = found[np.argsort(-counts, kind="stable")][: len(COLOURS)].tolist()
    grey = len(found) - len(coloured)
    title = f"coloured by {role}" + (f" ({len(coloured)} of {len(found)}; others grey)" if grey else "")
    return cloud(title, points, classes, coloured)

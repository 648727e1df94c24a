"""Training a backbone from a recipe, and how well it gives pictures back."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unbraid.core.artefacts import write_json
from unbraid.core.catalogue import load_backbone
from unbraid.core.errors import CapabilityError
from unbraid.core.images import as_images
from unbraid.core.interfaces import SPLITS, Backbone, Dataset, Split, derive_seed
from unbraid.core.recipe import Recipe
from unbraid.core.report import write_pretrain_report
from unbraid.core.threads import core_count, threads
from unbraid.registry import get_registry, import_target

CHUNK = 256
#: Below this a variance is rounding.
TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """How well a backbone gives a set of pictures back.

    Args:
        content, style: split of the classes; style is None where the data has no such label.
        pictures: how many.
        error: mean squared error of a pixel in [0, 1].
        variance: of the pixels about their mean picture: the error of the best constant picture.
        inversion: mean distance of a picture from what comes back of it, as a share of the mean distance of another
            picture of the set from that (Donahue et al. 2017): 0 is perfect, 1 no inversion at all; None where there is
            no other picture.
    """

    content: Split
    style: Split | None
    pictures: int
    error: float
    variance: float
    inversion: float | None

    @property
    def share(self) -> float | None:
        """Error as a share of the variance: 0 is perfect, 1 no better than the mean picture; None for equal pictures."""
        return self.error / self.variance if self.variance > TINY else None


def pretrain(recipe: Recipe, out: Path, *, resume: bool = False) -> tuple[Path, list[Reconstruction]]:
    """Train the backbone of a recipe; write weights, `recipe.yaml`, `metrics.json` and `report.html` into a folder.

    Args:
        recipe: its section `pretrain` is for the adapter.
        out: the folder.
        resume: go on with the run that is there.

    Returns:
        Where the weights are, and how well pictures of each split come back.

    Raises:
        CapabilityError: the backbone cannot be trained here.
    """
    entry = get_registry().resolve("backbone", recipe.backbone.name)
    if entry.spec.pretrain is None:
        raise CapabilityError(
            f"backbone {entry.name!r} cannot be trained here",
            expected="an adapter that pretrains",
            found=f"plug-in {entry.label}",
            hint="train it with its own tools and load its weights",
        )
    dataset = recipe.load_dataset()
    target = import_target(entry, entry.spec.pretrain)
    weights = target(recipe.backbone.config, dataset, out, settings=recipe.pretrain, fit=recipe.fit, resume=resume)
    recipe.save(out)
    backbone = load_backbone(recipe.backbone.name, weights=str(weights))
    figures = list(reconstructions(backbone, dataset))
    write_json(out / "metrics.json", {"reconstruction": [described(figure) for figure in figures]})
    write_pretrain_report(out, backbone, dataset, figures)
    return weights, figures


def reconstructions(backbone: Backbone, dataset: Dataset) -> Iterator[Reconstruction]:
    """Measure how well pictures come back, for every pair of splits of content and style that holds pictures."""
    styles: tuple[Split | None, ...] = SPLITS if dataset.style else (None,)
    for content in SPLITS:
        for style in styles:
            rows = dataset.rows(content=content, style=style)
            if len(rows):
                yield _measured(backbone, dataset, rows, content, style)


def described(figure: Reconstruction) -> dict[str, Any]:
    """Give a figure as JSON values."""
    return {**asdict(figure), "share": figure.share}


@torch.no_grad()
def _measured(
    backbone: Backbone, dataset: Dataset, rows: npt.NDArray[np.int64], content: Split, style: Split | None
) -> Reconstruction:
    """Measure in one pass; the other picture of each is the one before it in a random order."""
    order = np.random.default_rng(derive_seed(0, f"reconstruction/{content}/{style}", 0)).permutation(rows)
    others = np.roll(order, 1)
    wrong = total = squares = near = far = torch.zeros((), dtype=torch.float64)
    with threads(core_count()):
        for start in range(0, len(order), CHUNK):
            part = slice(start, start + CHUNK)
            pictures, other = (as_images(dataset.images[r[part]], backbone.info.input) for r in (order, others))
            back = backbone.decode(backbone.encode(pictures))
            wrong = wrong + (back - pictures).double().square().sum()
            total = total + pictures.double().sum(0)
            squares = squares + pictures.double().square().sum()
            near, far = near + _distances(back, pictures), far + _distances(back, other)
    pixels = len(rows) * backbone.info.input.channels * backbone.info.input.height * backbone.info.input.width
    between = total.square().sum() / len(rows)
    return Reconstruction(
        content=content,
        style=style,
        pictures=len(rows),
        error=float(wrong / pixels),
        variance=max(float((squares - between) / pixels), 0.0),
        inversion=float(near / far) if len(rows) > 1 and far > TINY else None,
    )


def _distances(first: Tensor, second: Tensor) -> Tensor:
    """Sum of the Euclidean distances of pictures, in float64."""
    distances: Tensor = torch.linalg.vector_norm((first - second).double().flatten(1), dim=1)
    return distances.sum()

"""The report of pretraining: how well pictures come back, and how training went."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from unbraid.core.images import as_images
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.interfaces.draws import Draws, derive_seed
from unbraid.core.interfaces.picture import Picture
from unbraid.core.report.charts import read_curves
from unbraid.core.report.drawing import framed, grid, png_of
from unbraid.core.report.page import write_page

if TYPE_CHECKING:
    from unbraid.core.pretraining import Reconstruction

SHOWN = 8
#: Side of the grid of made pictures.
MADE = 8


def write_pretrain_report(
    folder: Path, backbone: Backbone, dataset: Dataset, figures: "Sequence[Reconstruction]"
) -> Path:
    """Write `report.html` into the folder of a pretraining: one file without scripts or links to others.

    Args:
        folder: of the run; the `metrics.jsonl` of every part of it is drawn.
        backbone: as it was trained.
        dataset: it was trained on.
        figures: how well pictures of each split come back.

    Returns:
        The path.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    found = sorted(folder.rglob("metrics.jsonl"))
    return write_page(
        folder / "report.html",
        "pretrain.html",
        info=backbone.info,
        fingerprint=backbone.fingerprint,
        dataset=dataset,
        figures=figures,
        pictures=[reconstruction_picture(backbone, dataset, figure) for figure in figures],
        made=made_picture(backbone) if "decode" in backbone.info.capabilities else None,
        curves=[curve for path in found for curve in read_curves(path)],
    )


@torch.no_grad()
def made_picture(backbone: Backbone) -> Picture | None:
    """Draw what the decoder makes of latents of the backbone's prior; None where it states none.

    Raises:
        CapabilityError: the backbone cannot decode.
        DataError: the pictures are not grey or colour.
    """
    if backbone.info.prior is None:
        return None
    draws = Draws(0, "report/made", 0)
    shape = (MADE * MADE, *backbone.info.latent.shape)
    latents = draws.normal(*shape) if backbone.info.prior == "normal" else 2 * draws.uniform(*shape) - 1
    made = backbone.decode(latents.to(_device(backbone))).cpu()
    return Picture("Drawn at random, not chosen.", png_of(grid(made, MADE)))


@torch.no_grad()
def reconstruction_picture(backbone: Backbone, dataset: Dataset, figure: "Reconstruction") -> Picture:
    """Draw some pictures of a split above what comes back of them.

    Raises:
        CapabilityError: the backbone cannot decode.
        DataError: the pictures are not grey or colour.
    """
    rows = dataset.rows(content=figure.content, style=figure.style)
    rng = np.random.default_rng(derive_seed(0, f"report/reconstruction/{figure.content}/{figure.style}", 0))
    rows = np.sort(rng.permutation(rows)[:SHOWN])
    pictures = as_images(dataset.images[rows], backbone.info.input)
    back = backbone.decode(backbone.encode(pictures.to(_device(backbone)))).cpu()
    style = f", {figure.style} styles" if figure.style else ""
    png = png_of(framed(torch.ones_like(back[:1]), pictures, back[None]))
    return Picture("Above: pictures. Below: what comes back of them.", png, title=f"{figure.content} contents{style}")


def _device(backbone: Backbone) -> torch.device:
    return next((p.device for p in backbone.parameters()), torch.device("cpu"))

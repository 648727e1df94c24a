"""Grids of swaps as PNG: content donors down, style donors across, the true cells beside them."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from unbraid.core.errors import DataError
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.draws import derive_seed
from unbraid.core.interfaces.picture import Picture
from unbraid.core.report.drawing import Pictures, Pixels, beside, floats, framed, png_of

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel


def swap_grid(model: "AttachedModel", contents: Pictures, styles: Pictures, truth: Pictures | None = None) -> bytes:
    """Draw every content in every style: row i takes the content of `contents[i]`, column j the style of `styles[j]`.

    The first row shows the style donors and the first column the content donors, as they are. Where the true pictures
    are known they stand beside, in the same order.

    Args:
        model: can transfer, so its head entangles and its backbone decodes.
        contents: `(n, C, H, W)` uint8 or float in [0, 1].
        styles: `(m, C, H, W)`.
        truth: `(n, m, C, H, W)` true pictures; empty cells may be NaN or anything.

    Returns:
        A PNG.

    Raises:
        CapabilityError: the head cannot entangle, or the backbone cannot decode.
        DataError: the pictures are not grey or colour, or `truth` has another shape.
    """
    content, style = floats(contents), floats(styles)
    n, m = len(content), len(style)
    rows, columns = torch.arange(n).repeat_interleave(m), torch.arange(m).repeat(n)
    swapped = model.transfer(content=content[rows], style=style[columns]).cpu()
    grids = [framed(content, style, swapped.view(n, m, *swapped.shape[1:]))]
    if truth is not None:
        true = floats(truth)
        if true.shape[:2] != (n, m):
            raise DataError("the true cells do not match", expected=f"{n} x {m} pictures", found=tuple(true.shape))
        grids.append(framed(content, style, true))
    return png_of(beside(grids))


def swap_picture(
    model: "AttachedModel", dataset: Dataset, *, contents: int = 6, styles: int = 6, seed: int = 0
) -> Picture:
    """Draw a grid of unseen contents in unseen styles (in seen ones where none are unseen), chosen at random.

    Args:
        model: can transfer.
        dataset: where donors and true cells come from.
        contents: content donors at most.
        styles: style donors at most.
        seed: of the choice.

    Returns:
        The picture, with the true cells beside where the data set has all of them.

    Raises:
        CapabilityError: the head cannot entangle, or the backbone cannot decode.
        DataError: the data set has no rows to choose from.
    """
    rows, where = least_seen(dataset)
    rng = np.random.default_rng(derive_seed(seed, "report/swap_picture", 0))
    caption = f"Rows take their content from the first column, columns their style from the first row; {where}."
    if dataset.style is None:
        half = len(rows) // 2
        rows = rng.permutation(rows)
        png = swap_grid(model, dataset.images[rows[:half][:contents]], dataset.images[rows[half:][:styles]])
        return Picture(caption, png)
    cells = {(int(dataset.labels["content"][r]), int(dataset.labels["style"][r])): int(r) for r in rows}
    chosen = _some([c for c, _ in cells], contents, rng), _some([s for _, s in cells], styles, rng)
    truth = _true_cells(dataset, cells, *chosen)
    donors = [_first(cells, content=c) for c in chosen[0]], [_first(cells, style=s) for s in chosen[1]]
    png = swap_grid(model, dataset.images[np.array(donors[0])], dataset.images[np.array(donors[1])], truth)
    return Picture(caption + (" Left: made by the model. Right: the true pictures." if truth is not None else ""), png)


def _true_cells(
    dataset: Dataset, cells: dict[tuple[int, int], int], contents: list[int], styles: list[int]
) -> Pixels | None:
    """Give the true pictures `(n, m, C, H, W)`, or None where one is missing."""
    rows = [[cells.get((c, s), -1) for s in styles] for c in contents]
    if any(row < 0 for line in rows for row in line):
        return None
    return np.stack([dataset.images[np.array(line, dtype=np.int64)] for line in rows])


def known_rows(dataset: Dataset) -> npt.NDArray[np.bool_]:
    """Which rows have their content labelled, and their style where there is one, `(N,)`; attributes may be missing."""
    known: npt.NDArray[np.bool_] = np.all(
        [labels >= 0 for role, labels in dataset.labels.items() if role not in dataset.attributes], axis=0
    )
    return known


def least_seen(dataset: Dataset) -> tuple[npt.NDArray[np.int64], str]:
    """Give the least seen rows there are, and what they are."""
    unseen = "contents never seen in training"
    known = known_rows(dataset)
    choices = (
        (dataset.rows(content="test", style="test"), f"{unseen}, nor the styles" if dataset.style else unseen),
        (dataset.rows(content="test"), unseen),
        (dataset.rows(), "contents seen in training"),
    )
    for rows, where in choices:
        rows = rows[known[rows]]
        if len(rows) > 1:
            return rows, where
    raise DataError("there is nothing to swap", expected="labelled rows", found=f"{len(dataset)} without labels")


def _some(classes: list[int], count: int, rng: np.random.Generator) -> list[int]:
    return sorted(rng.permutation(sorted(set(classes)))[:count].tolist())


def _first(cells: dict[tuple[int, int], int], content: int | None = None, style: int | None = None) -> int:
    """Give the row of the donor: the first style of a content, the last content of a style, so that they differ."""
    found = [row for (c, s), row in sorted(cells.items()) if content in (None, c) and style in (None, s)]
    return found[0] if content is not None else found[-1]

"""The report of a fit: what was attached to what, how training went, and what the head makes of unseen data."""

from pathlib import Path
from typing import TYPE_CHECKING

from unbraid.core.evaluation.protocol import saw_test_classes
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.report.charts import read_curves
from unbraid.core.report.illustrations import illustrate
from unbraid.core.report.page import write_page

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel
    from unbraid.core.training import TrainResult


def write_fit_report(folder: Path, model: "AttachedModel", dataset: Dataset, result: "TrainResult") -> Path:
    """Write `report.html` into the folder of a run: one file without scripts or links to others.

    Args:
        folder: of the run, with its `metrics.jsonl`.
        model: fitted.
        dataset: it was fitted on; the pictures are of its test classes.
        result: of the fit.

    Returns:
        The path.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    return write_page(
        folder / "report.html",
        "fit.html",
        model=model,
        method=model.method.describe(),
        info=model.backbone.info,
        saw=saw_test_classes(model.backbone.info, dataset),
        fingerprint=model.backbone.fingerprint,
        dataset=dataset,
        splits=_splits(dataset),
        result=result,
        illustrations=illustrate(model, dataset),
        curves=read_curves(folder / "metrics.jsonl"),
    )


def _splits(dataset: Dataset) -> list[dict[str, str]]:
    """Give number of pictures and classes of each split of the contents."""
    rows = {split: dataset.rows(content=split) for split in ("train", "validation", "test")}
    return [
        {
            "contents": split,
            "pictures": str(len(found)),
            "classes": str(len(set(dataset.labels["content"][found].tolist()))),
        }
        for split, found in rows.items()
    ]

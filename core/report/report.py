"""Writing the report of an evaluation: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.core.evaluation import Evaluation
from unbraid.core.evaluation.table import by_kind
from unbraid.core.report.headline import headlines
from unbraid.core.report.page import write_page
from unbraid.core.report.pictures import Picture

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel


def write_report(
    path: str | Path,
    *,
    evaluation: Evaluation,
    pictures: Sequence[Picture] = (),
    model: "AttachedModel | None" = None,
    run: Mapping[str, Any] | None = None,
) -> Path:
    """Write `report.html`: headline, tables, pictures and protocol in one file without scripts or links to others.

    Args:
        path: of the file; written whole or not at all.
        evaluation: the figures.
        pictures: drawn below the headline.
        model: what was evaluated; printed with the protocol.
        run: what else should be said of the run (recipe, steps, time); JSON values.

    Returns:
        The path.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    return write_page(
        path,
        "report.html",
        evaluation=evaluation,
        protocol=evaluation.protocol,
        headlines=headlines(evaluation),
        tables=by_kind(evaluation.figures),
        absent=[figure for figure in evaluation.figures if figure.value is None],
        pictures=pictures,
        model="" if model is None else repr(model),
        run=dict(run or {}),
    )

"""Writing the report of an evaluation: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.core.evaluation import Evaluation
from unbraid.core.evaluation.table import by_kind
from unbraid.core.interfaces.picture import Picture
from unbraid.core.report.attackers import attacker_table
from unbraid.core.report.charts import Curve
from unbraid.core.report.headline import headlines
from unbraid.core.report.illustrations import Illustrations
from unbraid.core.report.page import write_page
from unbraid.core.report.reading import how_to_read

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel


def write_report(
    path: str | Path,
    *,
    evaluation: Evaluation,
    pictures: Sequence[Picture] = (),
    illustrations: Illustrations | None = None,
    curves: Sequence[Curve] = (),
    model: "AttachedModel | None" = None,
    run: Mapping[str, Any] | None = None,
) -> Path:
    """Write `report.html`: headline, tables, pictures and protocol in one file without scripts or links to others.

    Args:
        path: of the file; written whole or not at all.
        evaluation: the figures.
        pictures: drawn below the headline.
        illustrations: pictures and maps that `illustrate` drew, after those.
        curves: of training, as `read_curves` gives them.
        model: what was evaluated; printed with the protocol.
        run: what else should be said of the run (recipe, steps, time); JSON values.

    Returns:
        The path.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    shown = illustrations or Illustrations()
    tables = by_kind(evaluation.figures)
    return write_page(
        path,
        "report.html",
        evaluation=evaluation,
        protocol=evaluation.protocol,
        headlines=headlines(evaluation),
        tables=tables,
        attackers=attacker_table(evaluation.figures),
        absent=[figure for figure in evaluation.figures if figure.value is None],
        reading=how_to_read(tables),
        pictures=[*pictures, *shown.pictures],
        illustrations=shown,
        curves=curves,
        model="" if model is None else repr(model),
        run=dict(run or {}),
    )

"""The report of a comparison: every figure of every method, paired differences, swap grids side by side."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.core.errors import CapabilityError, DataError
from unbraid.core.interfaces import Backbone, Dataset, Picture
from unbraid.core.report.page import write_page
from unbraid.core.report.pictures import swap_picture

if TYPE_CHECKING:
    from unbraid.core.comparison import Comparison, Summary


def write_comparison_report(
    path: Path, comparison: "Comparison", heads: Mapping[str, Path], backbone: Backbone, dataset: Dataset
) -> Path:
    """Write `report.html` of a comparison: one file without scripts or links to others.

    Args:
        path: of the file; written whole or not at all.
        comparison: the figures.
        heads: label -> folder of the head whose swaps are drawn; one that is not there has no picture.
        backbone: of all heads.
        dataset: where donors and true pictures come from; every method gets the same.

    Returns:
        The path.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    from unbraid.core.comparison.table import difference_row, summary_row

    count = len(comparison.protocol["seeds"])
    tables = [
        _table(name, list(group), comparison, count)
        for name, group in groupby(comparison.summaries, key=lambda summary: summary.figure)
    ]
    for table in tables:
        table["rows"] = _without_empty_columns([summary_row(summary, count) for summary in table["summaries"]])
        table["pairs"] = [difference_row(difference) for difference in table["differences"]]
    pictures, without = _pictures(heads, backbone, dataset)
    return write_page(
        path,
        "comparison.html",
        comparison=comparison,
        protocol=comparison.protocol,
        tables=tables,
        sentences=_sentences(comparison),
        pictures=pictures,
        without=without,
    )


def _table(name: str, summaries: "list[Summary]", comparison: "Comparison", count: int) -> dict[str, Any]:
    return {
        "name": name,
        "best": "high" if summaries[0].higher_is_better else "low",
        "headline": summaries[0].headline,
        "summaries": summaries,
        "differences": [d for d in comparison.differences if d.figure == name],
    }


def _without_empty_columns(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    kept = [name for name in rows[0] if any(row[name] for row in rows)]
    return [{name: row[name] for name in kept} for row in rows]


def _sentences(comparison: "Comparison") -> list[str]:
    """Say of each headline figure who is ahead, and whether the seeds let one say so."""
    said = []
    for name in dict.fromkeys(s.figure for s in comparison.summaries if s.headline):
        summaries = [s for s in comparison.summaries if s.figure == name]
        if len(summaries) > 1:
            said.append(_sentence(name, summaries, comparison))
    return said


def _sentence(name: str, summaries: "list[Summary]", comparison: "Comparison") -> str:
    from unbraid.core.evaluation.formatting import format_value

    higher = summaries[0].higher_is_better
    ahead = sorted(summaries, key=lambda s: s.mean, reverse=higher)
    order = ", ".join(f"{s.label} {format_value(s.mean, s.unit)}" for s in ahead)
    pairs = [d for d in comparison.differences if d.figure == name and ahead[0].label in (d.first, d.second)]
    sure = bool(pairs) and all(d.better == ahead[0].label for d in pairs)
    seeds = "beyond the spread of the seeds" if sure else "not beyond the spread of the seeds for every pair"
    return f"{name} ({'highest' if higher else 'lowest'} is best): {order}; {ahead[0].label} is ahead, {seeds}"


def _pictures(heads: Mapping[str, Path], backbone: Backbone, dataset: Dataset) -> tuple[list[Picture], dict[str, str]]:
    """Draw the same swaps by every head; give label -> reason of those that have no picture."""
    from unbraid.core.attached import load

    pictures, without = [], {}
    for label, head in heads.items():
        if not head.is_dir():
            without[label] = "its run failed"
            continue
        model = load(head, backbone, device="cpu")
        try:
            picture = swap_picture(model, dataset)
            pictures.append(Picture(picture.caption, picture.png, title=label))
        except (CapabilityError, DataError) as error:
            without[label] = str(error).partition("\n")[0]
        finally:
            model.detach()
    return pictures, without

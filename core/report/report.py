"""Writing the report: one HTML file that needs nothing else."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from unbraid.core.artefacts import atomic_file
from unbraid.core.evaluation import RANDOM, RAW, Evaluation, Figure
from unbraid.core.evaluation.formatting import format_interval, format_value, further_baselines
from unbraid.core.evaluation.table import by_kind
from unbraid.core.report.headline import headlines, verdict
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
    page = (
        _environment()
        .get_template("report.html")
        .render(
            evaluation=evaluation,
            protocol=evaluation.protocol,
            headlines=headlines(evaluation),
            tables=by_kind(evaluation.figures),
            absent=[figure for figure in evaluation.figures if figure.value is None],
            pictures={picture.caption: _data_uri(picture.png) for picture in pictures},
            model="" if model is None else repr(model),
            run=dict(run or {}),
        )
    )
    with atomic_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Path(path)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unbraid.core.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"as_json": _as_json, "cells": _cells, "verdict": verdict, "beside": _beside}
    environment.globals |= {"RAW": RAW, "RANDOM": RANDOM}
    return environment


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)


def _cells(figure: Figure) -> dict[str, str]:
    """Give the printed columns of a figure."""
    classes = figure.intervals.get("classes")
    return {
        "value": format_value(figure.value, figure.unit),
        "95 %": format_interval(figure.interval, figure.unit),
        **({"new classes": format_interval(classes, figure.unit)} if classes else {}),
        "chance": format_value(figure.chance, figure.unit),
        RAW: format_value(figure.baselines.get(RAW), figure.unit),
        RANDOM: format_value(figure.baselines.get(RANDOM), figure.unit),
    }


def _beside(figure: Figure) -> str:
    return ", ".join(f"{name} {value}" for name, value in further_baselines(figure, (RAW, RANDOM)).items())

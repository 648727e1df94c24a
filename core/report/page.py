"""Pages from templates: one HTML file that needs nothing else."""

import base64
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from unbraid.core.artefacts import atomic_file
from unbraid.core.evaluation import RANDOM, RAW, Figure
from unbraid.core.evaluation.formatting import format_figure, format_interval, format_value, further_baselines
from unbraid.core.report.headline import verdict
from unbraid.core.report.profiles import profiles


def write_page(path: str | Path, template: str, **values: Any) -> Path:
    """Write a page, whole or not at all; without scripts or links to other files.

    Args:
        path: of the file.
        template: name of the template.
        values: what it prints, escaped.

    Returns:
        The path.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    page = _environment().get_template(template).render(**values)
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
    environment.filters |= {
        "as_json": _as_json,
        "cells": _cells,
        "verdict": verdict,
        "beside": _beside,
        "data_uri": _data_uri,
        "profiles": profiles,
    }
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
        "value": format_figure(figure),
        "95 %": format_interval(figure.interval, figure.unit),
        **({"new classes": format_interval(classes, figure.unit)} if classes else {}),
        "chance": format_value(figure.chance, figure.unit),
        RAW: format_value(figure.baselines.get(RAW), figure.unit),
        RANDOM: format_value(figure.baselines.get(RANDOM), figure.unit),
    }


def _beside(figure: Figure) -> str:
    return ", ".join(f"{name} {value}" for name, value in further_baselines(figure, (RAW, RANDOM)).items())

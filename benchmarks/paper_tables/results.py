"""What the tables share: parts of data sets, published weights, results that are kept, Markdown."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import unbraid
from unbraid.core.artefacts import write_json
from unbraid.core.evaluation.intervals import normal_interval
from unbraid.core.interfaces import Dataset, LabelSpec

Ints = npt.NDArray[np.int64]


def kept(file: Path, measure: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Read what was measured, or measure and keep it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, dict(measure()))
    return dict(json.loads(file.read_text(encoding="utf-8")))


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table.

    >>> print(markdown(("", "error"), [("single", "1 %")]))
    |  | error |
    | --- | ---: |
    | single | 1 % |
    """
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(values: Sequence[float], *, signed: bool = False) -> str:
    """Give the mean of shares over seeds in percent, with Student's t.

    >>> percent([0.1, 0.1, 0.1]), percent([0.5])
    ('10.0 (10.0 .. 10.0)', '50.0')
    """
    found = 100 * np.asarray(values)
    sign = "+" if signed else ""
    interval = normal_interval(found)
    between = "" if interval is None else f" ({interval[0]:{sign}.1f} .. {interval[1]:{sign}.1f})"
    return f"{found.mean():{sign}.1f}{between}"


def part(dataset: Dataset, rows: Ints, classes: Sequence[str] | None = None) -> Dataset:
    """Keep some pictures and their content, all classes for training; of other classes none may be among the rows."""
    names = tuple(classes or dataset.content.classes)
    place = np.array([names.index(name) if name in names else -1 for name in dataset.content.classes])
    return replace(
        dataset,
        images=np.asarray(dataset.images[rows]),
        content=LabelSpec(dataset.content.name, names),
        style=None,
        labels={"content": place[dataset.labels["content"][rows]]},
        splits={"content": {"train": tuple(range(len(names)))}},
        factors={},
    )


def published(name: str, files: Sequence[str], folder: Path) -> unbraid.Backbone:
    """Convert published checkpoints below UNBRAID_DATA once, and load them.

    Raises:
        SystemExit: they are not there.
    """
    paths = [Path(os.environ.get("UNBRAID_DATA", ".")) / "models" / file for file in files]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: no such file; set UNBRAID_DATA")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = ["-m", "unbraid", "backbone", "convert", name, *map(str, paths), "--out", str(folder)]
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return unbraid.load_backbone(name, weights=str(folder))

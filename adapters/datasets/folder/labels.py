"""Labels from a CSV file."""

import csv
import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import DataError, LabelError

COLUMNS = ["file", "label"]


def read_labels(table: Path, root: Path, files: Sequence[Path]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Read the label of each picture.

    Args:
        table: CSV file with the columns `file` (relative to `root`, with `/`) and `label`.
        root: of the data set.
        files: the pictures.

    Returns:
        `(N,)` class indices, -1 for a picture that is not listed, and the class names in order.

    Raises:
        DataError: the table is missing or malformed.
        LabelError: it lists a file twice, or one that is not there.
    """
    listed = _rows(table)
    known = {file.relative_to(root).as_posix() for file in files}
    for name in listed:
        if name not in known and not (root / name).is_file():  # a picture that was skipped may stay listed
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            raise LabelError(
                f"{table.name} lists a picture that is not there",
                expected=f"files below {root}",
                found=repr(name),
                hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
            )
    classes = tuple(sorted({listed[name] for name in known if name in listed}))
    indices = [listed.get(file.relative_to(root).as_posix()) for file in files]
    return np.array([-1 if each is None else classes.index(each) for each in indices], dtype=np.int64), classes


def _rows(table: Path) -> dict[str, str]:
    if not table.is_file():
        raise DataError("there is no such CSV file", expected="a file with the columns file,label", found=str(table))
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = [row for row in csv.reader(stream) if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table.name} is no CSV file", expected="CSV in UTF-8", found=str(error)) from error
    if header != COLUMNS:
        raise DataError(f"{table.name} has the wrong columns", expected=",".join(COLUMNS), found=",".join(header))
    listed: dict[str, str] = {}
    for row in rows:
        if len(row) != len(COLUMNS):
            raise DataError(f"{table.name} has a malformed line", expected="file,label", found=",".join(row))
        if row[0] in listed:
            raise LabelError(f"{table.name} lists a picture twice", expected="one line a file", found=repr(row[0]))
        listed[row[0]] = row[1]
    return listed

"""Finding data sets that people keep in one folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from unbraid.core.errors import DataError

#: Names the folder that holds a folder for each data set.
VARIABLE = "UNBRAID_DATA"


def locate(name: str, root: str | None, folder: str, files: Sequence[str], *, source: str) -> Path:
    """Find the folder of a data set and make sure that its files are there.

    Args:
        name: of the data set, for messages.
        root: folder that holds a folder for each data set; None takes the environment variable `UNBRAID_DATA`.
        folder: of this data set, below the root.
        files: that must be there, relative to that folder.
        source: where they can be had from, for messages.

    Returns:
        The folder of the data set.

    Raises:
        DataError: neither root nor variable is set, or the folder or a file is missing.
    """
    chosen = root or os.environ.get(VARIABLE)
    if not chosen:
        raise DataError(
            f"{name}: nobody said where the data is",
            expected=f"root={folder!r}'s parent folder, or the environment variable {VARIABLE}",
            found=f"no root, {VARIABLE} not set",
            hint=f"{VARIABLE}=/my/data, with the files in /my/data/{folder}; {source}",
        )
    place = Path(chosen) / folder
    missing = [file for file in files if not (place / file).is_file()]
    if missing:
        raise DataError(
            f"{name}: files are missing" if place.is_dir() else f"{name}: there is no such folder",
            expected=f"{', '.join(files)} in {place}",
            found=f"no {', '.join(missing)}" if place.is_dir() else f"nothing at {place}",
            hint=f"set root or {VARIABLE} to the folder above {folder!r}; {source}",
        )
    return place

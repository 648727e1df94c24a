"""Reading arrays from an `.npz` file, with errors that say what is wrong with it."""

import difflib
import pickle
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import DataError

# What numpy raises for a file that is no archive, or a damaged one.
_DAMAGE = (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError)


class Archive:
    """An open `.npz` file; arrays are read when asked for, pickled objects never.

    Args:
        path: of the file.

    Raises:
        DataError: the file is missing, or no `.npz` file.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        if not path.is_file():
            raise DataError("there is no such data file", expected="an .npz file", found=str(path))
        if not zipfile.is_zipfile(path):
            raise DataError(
                f"{self.name} is no .npz file",
                expected="a zip of arrays, as numpy.savez writes it",
                found=f"{path.stat().st_size} bytes of something else",
            )
        try:
            self._arrays = np.load(path, allow_pickle=False)
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def __contains__(self, key: str) -> bool:
        return key in self._arrays.files

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._arrays.close()

    def read(self, key: str) -> npt.NDArray[Any]:
        """Read one array.

        Raises:
            DataError: there is no such key, or the array is damaged or holds Python objects.
        """
        if key not in self:
            near = difflib.get_close_matches(key, self._arrays.files, n=3, cutoff=0.5)
            raise DataError(
                f"{self.name} has no array {key!r}",
                expected=f"one of {', '.join(self._arrays.files) or '(none)'}",
                found=repr(key),
                hint=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
            )
        try:
            array: npt.NDArray[Any] = self._arrays[key]
        except _DAMAGE as error:
            if "allow_pickle" in str(error):
                raise DataError(
                    f"{self.name}: array {key!r} holds pickled Python objects, which are never loaded",
                    expected="an array of numbers or text",
                    found="dtype object",
                    hint="save it as text: numpy.asarray(names, dtype=str)",
                ) from error
            raise self._damaged(error) from error
        return array

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"{self.name} is damaged", expected="an .npz file", found=str(error), hint="copy it again")

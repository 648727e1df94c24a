"""Reading idx files, the format of MNIST."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import DataError

#: Third byte of the file -> type of its numbers, big-endian.
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read an idx file: two zero bytes, type, number of dimensions, dimensions, numbers; big-endian, gzipped or not.

    Args:
        path: of the file; gzip is told by content, not by name.

    Returns:
        The array, in the byte order of this machine.

    Raises:
        DataError: the file is missing, damaged, or no idx file; the message names it.
    """
    stored = _bytes(path)
    if len(stored) < 4 or stored[:2] != b"\0\0" or stored[2] not in _TYPES:
        raise DataError(
            f"{path} is no idx file",
            expected="two zero bytes, a type and a number of dimensions",
            found=f"it starts with {stored[:4].hex(' ') or 'nothing'}",
        )
    kind = np.dtype(_TYPES[stored[2]])
    start = 4 + 4 * stored[3]
    shape = tuple(int(each) for each in np.frombuffer(stored[4 : len(stored[:start]) // 4 * 4], ">u4"))
    wanted = start + math.prod(shape) * kind.itemsize
    if len(shape) != stored[3] or len(stored) != wanted:
        raise DataError(
            f"{path} is damaged",
            expected=f"{wanted} bytes for shape {shape}",
            found=f"{len(stored)} bytes",
            hint="copy it again",
        )
    return np.frombuffer(stored, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))


def _bytes(path: Path) -> bytes:
    try:
        stored = path.read_bytes()
        return gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read", expected="an idx file, gzipped or not", found=str(error), hint="copy it again"
        ) from error

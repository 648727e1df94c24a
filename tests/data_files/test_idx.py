"""idx files: what the format says comes out, and every damage is named."""

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from unbraid.core.data_files.idx import read_idx
from unbraid.core.errors import DataError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def as_idx(array: npt.NDArray[np.generic]) -> bytes:
    kind = array.dtype.str[1:]
    header = struct.pack(f">HBB{array.ndim}I", 0, CODES[kind], array.ndim, *array.shape)
    return header + array.astype(f">{kind}").tobytes()


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("zipped", [True, False])
def test_every_type_comes_back(tmp_path: Path, kind: str, zipped: bool) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    stored = as_idx(array)
    (tmp_path / "a").write_bytes(gzip.compress(stored) if zipped else stored)
    found = read_idx(tmp_path / "a")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.dtype(kind) and found.dtype.isnative


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:-1], "is damaged"),
        (lambda b: b + b"\0", "is damaged"),
        (lambda b: b[:9], "is damaged"),
        (lambda b: b"\1" + b[1:], "is no idx file"),
        (lambda b: b[:2] + b"\x0a" + b[3:], "is no idx file"),
        (lambda b: b"", "is no idx file"),
        (lambda b: b"<html>not found</html>", "is no idx file"),
        (lambda b: gzip.compress(b)[:-12], "cannot be read"),
        (lambda b: gzip.compress(b)[:15] + b"\xff\xff" + gzip.compress(b)[17:], "cannot be read"),
    ],
)
def test_damage_names_the_file(tmp_path: Path, change: object, message: str) -> None:
    stored = as_idx(np.random.default_rng(0).integers(0, 256, (4, 5, 5), dtype=np.uint8))
    (tmp_path / "digits.gz").write_bytes(change(stored))  # type: ignore[operator]
    with pytest.raises(DataError, match=rf"digits\.gz {message}"):
        read_idx(tmp_path / "digits.gz")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.gz cannot be read"):
        read_idx(tmp_path / "absent.gz")

"""Tensors of a request, checked before anything is allocated for them."""

import math
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.core.errors import RequestError
from unbraid.core.server.limits import Limits

Tensor = NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8")}
#: How far rounding may carry a pixel outside [0, 1].
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor that a model takes or gives.

    Args:
        name: as clients call it.
        shape: -1 where any number is good.
        datatype: of the protocol, a key of `DTYPES`.
        rows: tensors with the same word here have as many rows as each other.
        image: the numbers are pixels in [0, 1].
        optional: zeros where a client leaves it out.
    """

    name: str
    shape: tuple[int, ...]
    datatype: str = "FP32"
    rows: str = "batch"
    image: bool = False
    optional: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """How the numbers lie in memory and on the wire: little-endian."""
        return DTYPES[self.datatype]

    @property
    def row_elements(self) -> int:
        """Numbers in one row."""
        return math.prod(size for size in self.shape if size > 0)

    def to_json(self) -> dict[str, Any]:
        """Give the tensor as the metadata of a model lists it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def check_datatype(spec: TensorSpec, datatype: Any) -> None:
    """Refuse a datatype other than the model's."""
    if datatype != spec.datatype:
        raise RequestError(400, f"input {spec.name!r} must have datatype {spec.datatype}")


def check_shape(spec: TensorSpec, shape: Any, limits: Limits) -> tuple[int, ...]:
    """Give the shape a client states, in Python's unbounded integers, or refuse it.

    Raises:
        RequestError: 400 for a shape that does not fit the model, 413 for one beyond the limits.
    """
    wanted = f"input {spec.name!r} must have shape {list(spec.shape)}, -1 standing for 1 or more"
    if not isinstance(shape, list) or len(shape) != len(spec.shape) or any(type(size) is not int for size in shape):
        raise RequestError(400, wanted)
    if any(size != fixed if fixed > 0 else size < 1 for size, fixed in zip(shape, spec.shape, strict=True)):
        raise RequestError(400, wanted)
    if shape and shape[0] > limits.rows:
        raise RequestError(413, f"at most {limits.rows} rows in a request")
    if math.prod(shape) > limits.elements:
        raise RequestError(413, f"at most {limits.elements} numbers in a tensor")
    return tuple(shape)


def from_bytes(spec: TensorSpec, shape: tuple[int, ...], raw: memoryview) -> Tensor:
    """Read a tensor from its bytes; the array shares them.

    Raises:
        RequestError: 400 where they are too few or too many, or not the model's kind of numbers.
    """
    if len(raw) != math.prod(shape) * spec.dtype.itemsize:
        raise RequestError(400, f"input {spec.name!r} has more or fewer bytes than its shape needs")
    return checked_values(spec, np.frombuffer(raw, spec.dtype).reshape(shape))


def from_numbers(spec: TensorSpec, shape: tuple[int, ...], data: Any) -> Tensor:
    """Read a tensor from JSON: flat, or nested just as its shape says.

    Raises:
        RequestError: 400 where there are too few or too many, or something is no number (booleans are none).
    """
    kinds = {int} if spec.datatype == "INT64" else {int, float}
    flat = _flat(data, shape)
    if flat is None or len(flat) != math.prod(shape) or not set(map(type, flat)) <= kinds:
        raise RequestError(
            400, f"data of input {spec.name!r} must be as many {spec.datatype} numbers as its shape says"
        )
    try:
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            array = np.array(flat, spec.dtype)
    except OverflowError:
        raise RequestError(400, f"data of input {spec.name!r} is out of range") from None
    return checked_values(spec, array.reshape(shape))


def _flat(data: Any, shape: tuple[int, ...]) -> list[Any] | None:
    if not isinstance(data, list):
        return None
    if not data or not isinstance(data[0], list):
        return data
    level = [data]
    for size in shape[:-1]:
        if any(not isinstance(part, list) or len(part) != size for part in level):
            return None
        level = list(chain.from_iterable(level))
    if any(not isinstance(part, list) or len(part) != shape[-1] for part in level):
        return None
    return list(chain.from_iterable(level))


def checked_values(spec: TensorSpec, array: Tensor) -> Tensor:
    """Give an array back if its numbers are finite and, for pixels, in [0, 1] but for rounding.

    Raises:
        RequestError: 400.
    """
    if spec.image:
        low, high = float(array.min()), float(array.max())
        if not (-TOLERANCE <= low and high <= 1 + TOLERANCE):  # also where either is NaN
            raise RequestError(400, f"pixels of input {spec.name!r} must lie in [0, 1]")
        return array if 0 <= low and high <= 1 else array.clip(0, 1)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RequestError(400, f"numbers of input {spec.name!r} must be finite")
    return array

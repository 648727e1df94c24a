"""Tensors on the wire: JSON that names them, and their bytes behind it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.core.errors import ServerError

Array = NDArray[Any]
Parameter = bool | int | float | str

#: Says where the JSON ends.
HEADER_LENGTH = "inference-header-content-length"
_DTYPES = {"FP32": "<f4", "INT64": "<i8"}


def write_request(inputs: Mapping[str, Array], parameters: Mapping[str, Parameter]) -> tuple[bytes, int]:
    """Write an infer request; gives its body and the length of the JSON in it."""
    arrays = {name: _wire(array) for name, array in inputs.items()}
    entries = [
        {
            "name": name,
            "datatype": "INT64" if array.dtype.kind == "i" else "FP32",
            "shape": array.shape,
            "parameters": {"binary_data_size": array.nbytes},
        }
        for name, array in arrays.items()
    ]
    document = {"inputs": entries, "parameters": {"binary_data_output": True, **parameters}}
    head = json.dumps(document).encode()
    return b"".join((head, *(array.tobytes() for array in arrays.values()))), len(head)


def read_answer(body: bytes, json_length: int) -> dict[str, Array]:
    """Read the outputs of an answer by name.

    Raises:
        ServerError: it is not what the protocol says it is.
    """
    try:
        return _outputs(body, json_length)
    except (ValueError, KeyError, TypeError) as error:
        raise ServerError(502, "the answer is not one of the Open Inference Protocol") from error


def _outputs(body: bytes, at: int) -> dict[str, Array]:
    found = {}
    for entry in json.loads(body[:at])["outputs"]:
        size = entry["parameters"]["binary_data_size"]
        array = np.frombuffer(body[at : at + size], _DTYPES[entry["datatype"]])
        found[entry["name"]] = array.reshape(entry["shape"])
        at += size
    return found


def _wire(array: Array) -> Array:
    return np.ascontiguousarray(array, "<i8" if array.dtype.kind in "iu" else "<f4")

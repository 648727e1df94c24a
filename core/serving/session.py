"""Open an ONNX file in onnxruntime the way this project always does."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Array = NDArray[np.float32]


def open_session(data: bytes, *, threads: int = 1) -> ort.InferenceSession:
    """Make a session on the CPU from the bytes of a file.

    Its threads sleep between calls: spinning ones would fight torch and other sessions for the cores.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # warnings about folding and unused initialisers help nobody here
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run_session(session: ort.InferenceSession, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
    """Run a batch: input name -> `(B, *shape)` float32; gives the named outputs."""
    found = session.run(list(outputs), {name: np.ascontiguousarray(value) for name, value in inputs.items()})
    return {name: np.asarray(value, dtype=np.float32) for name, value in zip(outputs, found, strict=True)}

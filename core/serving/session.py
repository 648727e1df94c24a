"""Open an ONNX file in onnxruntime the way this project always does."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Array = NDArray[np.float32]


#: Where graphs run unless another place is asked for.
CPU = ("CPUExecutionProvider",)


def open_session(data: bytes, *, threads: int = 1, providers: Sequence[str] = CPU) -> ort.InferenceSession:
    """Make a session from the bytes of a file; the first of onnxruntime's execution providers that can, runs a node.

    Its threads sleep between calls: spinning ones would fight torch and other sessions for the cores.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # warnings about folding and unused initialisers help nobody here
    return ort.InferenceSession(data, options, providers=list(providers))


def run_session(
    session: ort.InferenceSession,
    inputs: Mapping[str, Array],
    outputs: Sequence[str],
    options: ort.RunOptions | None = None,
) -> dict[str, Array]:
    """Run a batch: input name -> `(B, *shape)` float32; gives the named outputs. `options.terminate` stops it."""
    found = session.run(list(outputs), {name: np.ascontiguousarray(value) for name, value in inputs.items()}, options)
    return {name: np.asarray(value, dtype=np.float32) for name, value in zip(outputs, found, strict=True)}

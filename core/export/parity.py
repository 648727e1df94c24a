"""How far onnxruntime is from torch, measured before anything is written."""

import numpy as np
import torch
from torch import Tensor

from unbraid.core.bundle import BundleTolerance
from unbraid.core.errors import ParityError
from unbraid.core.export.rows import BATCHES, Rows
from unbraid.core.export.stages import Stage
from unbraid.core.serving.session import open_session, run_session

#: Largest difference that passes, relative to the largest output where that exceeds 1.
TOLERANCE = 1e-5


def measure(stage: Stage, data: bytes, rows: Rows, tolerance: float = TOLERANCE) -> BundleTolerance:
    """Compare torch and onnxruntime at every batch size there are rows for.

    Returns:
        The largest absolute difference and the bound `tolerance * max(1, max |y|)`, both of the batch where they are
        closest to each other.

    Raises:
        ParityError: a difference exceeds the bound, or an output is not finite.
    """
    session = open_session(data)
    worst = (0.0, tolerance)
    batches = tuple(count for count in BATCHES if count <= len(rows.inputs[0]))
    for count in batches:
        inputs = [tensor[:count] for tensor in rows.inputs]
        arrays = {name: tensor.numpy() for name, tensor in zip(stage.graph.inputs, inputs, strict=True)}
        found = run_session(session, arrays, list(stage.graph.outputs))
        whole = count == len(rows.inputs[0])
        outputs = rows.outputs if whole else stage.reference(*inputs)
        expected = dict(zip(stage.graph.outputs, outputs, strict=True))
        for name, value in expected.items():
            compared = _compared(stage, name, count, value, found[name], tolerance)
            worst = max(worst, compared, key=lambda pair: pair[0] / pair[1])
    return BundleTolerance(batches, *worst)


def served_rows(stage: Stage, data: bytes, rows: Rows, count: int) -> Rows:
    """Give the first rows with what onnxruntime makes of them: what a file that is not float32 must reproduce."""
    inputs = tuple(tensor[:count] for tensor in rows.inputs)
    arrays = {name: tensor.numpy() for name, tensor in zip(stage.graph.inputs, inputs, strict=True)}
    found = run_session(open_session(data), arrays, list(stage.graph.outputs))
    return Rows(inputs, tuple(torch.from_numpy(found[name]) for name in stage.graph.outputs))


def _compared(
    stage: Stage, name: str, count: int, expected: Tensor, found: np.ndarray, tolerance: float
) -> tuple[float, float]:
    if tuple(found.shape) != tuple(expected.shape):
        raise _differ(stage, name, count, f"shape {tuple(expected.shape)}", f"shape {found.shape}")
    difference = (expected.double() - torch.from_numpy(found).double()).abs().max().item()
    bound = tolerance * max(1.0, expected.abs().max().item())
    if not difference <= bound:  # also where either is NaN
        raise _differ(stage, name, count, f"at most {bound:.2e} from torch", f"{difference:.2e}")
    return difference, bound


def _differ(stage: Stage, name: str, count: int, expected: str, found: str) -> ParityError:
    return ParityError(
        f"graph {stage.name}: output {name} differs between torch and onnxruntime at batch {count}",
        expected=expected,
        found=found,
        hint="look for randomness, training mode, half precision or values near overflow in the module",
    )

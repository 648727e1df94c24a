"""The rows a bundle keeps to check a runtime with."""

from collections import defaultdict
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from unbraid.core.bundle import Manifest
from unbraid.core.errors import DamagedArtefactError
from unbraid.core.serving.session import Array

#: How far a runtime may be from the samples, relative to the largest output where that exceeds 1, by precision of the
#: weights: kernels for float16 and int8 round in other places on other machines.
SAMPLE_TOLERANCE = {"float32": 1e-5, "float16": 1e-2, "int8": 5e-2}


def read_samples(bundle: Path, manifest: Manifest, side: Literal["in", "out"]) -> dict[str, dict[str, Array]]:
    """Read `samples/in` or `samples/out`: graph -> tensor name -> rows, as many in all.

    Raises:
        DamagedArtefactError: the file is missing or damaged, or holds other tensors than the graphs take or give.
    """
    path = bundle / "samples" / f"{side}.safetensors"
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DamagedArtefactError(f"{path} cannot be read", found=str(error), hint="copy it again") from error
    _check(path, stored, _shapes(manifest, side))
    graphs: dict[str, dict[str, Array]] = defaultdict(dict)
    for key, rows in stored.items():
        graph, _, name = key.partition(".")
        graphs[graph][name] = rows
    return dict(graphs)


def _shapes(manifest: Manifest, side: Literal["in", "out"]) -> dict[str, tuple[int, ...]]:
    graphs = manifest.graphs.items()
    sides = {name: graph.inputs if side == "in" else graph.outputs for name, graph in graphs}
    return {f"{name}.{tensor.name}": tensor.shape for name, tensors in sides.items() for tensor in tensors}


def _check(path: Path, stored: dict[str, Array], shapes: dict[str, tuple[int, ...]]) -> None:
    if stored.keys() != shapes.keys() or len({len(np.atleast_1d(rows)) for rows in stored.values()}) != 1:
        expected, found = f"as many rows of {', '.join(sorted(shapes))}", ", ".join(sorted(stored))[:200]
        raise DamagedArtefactError(f"{path} holds other tensors", expected=expected, found=found or "none")
    for name, rows in stored.items():
        if rows.dtype != np.float32 or rows.shape[1:] != shapes[name] or not rows.size or not np.isfinite(rows).all():
            expected, found = f"finite float32 {('N', *shapes[name])}", f"{rows.dtype} {rows.shape}"
            raise DamagedArtefactError(f"{path}: {name} is malformed", expected=expected, found=found)

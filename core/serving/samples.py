"""The rows a bundle keeps to check a runtime with."""

from collections import defaultdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file

from unbraid.core.errors import DamagedArtefactError
from unbraid.core.serving.session import Array


def read_samples(bundle: Path, side: str) -> dict[str, dict[str, Array]]:
    """Read `samples/in` or `samples/out`: graph -> tensor name -> rows.

    Raises:
        DamagedArtefactError: the file is missing or damaged.
    """
    path = bundle / "samples" / f"{side}.safetensors"
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DamagedArtefactError(f"{path} cannot be read", found=str(error), hint="copy it again") from error
    graphs: dict[str, dict[str, Array]] = defaultdict(dict)
    for key, rows in stored.items():
        graph, _, name = key.partition(".")
        graphs[graph][name] = rows
    return dict(graphs)

"""Rows to compare torch and onnxruntime on: real images where there are some, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unbraid.core.errors import ImageError
from unbraid.core.export.stages import Stage
from unbraid.core.images import as_images
from unbraid.core.interfaces.disentangler import Disentangler
from unbraid.core.interfaces.draws import Draws
from unbraid.core.interfaces.specs import Factor, ImageSpec

#: Batch sizes at which every graph is compared: one row, the example's, an odd one, and one above a power of two.
BATCHES = (1, 2, 5, 257)
#: Numbers in a batch of images up to which the largest batch is tried: 32 MB. Beyond it a deep network's maps would fill
#: the memory.
MOST_NUMBERS = 2**23
#: Images that are taken then.
FEW = 8


@dataclass(frozen=True, slots=True)
class Rows:
    """Inputs and expected outputs of one graph, each `(N, *shape)`, in the graph's order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def rows_for(spec: ImageSpec) -> int:
    """Give how many images graphs are compared on: 257, or 8 where images are large.

    >>> rows_for(ImageSpec(3, 64, 64)), rows_for(ImageSpec(3, 224, 224))
    (257, 8)
    """
    most = max(BATCHES)
    return most if most * spec.channels * spec.height * spec.width <= MOST_NUMBERS else FEW


def image_rows(images: Any | None, spec: ImageSpec, count: int | None = None) -> Tensor:
    """Give `count` images, `rows_for` their size: those given, over and over, or seeded noise where none are given.

    Raises:
        ImageError: there are none, or they are of another shape, out of range or not finite.
    """
    count = rows_for(spec) if count is None else count
    if images is None:
        return Draws(0, "export/image", 0).uniform(count, *spec.shape)
    given = as_images(images, spec).detach().cpu()
    if not len(given):
        raise ImageError("no images", expected="at least one", found="none", hint="leave `images` out to use noise")
    return given[torch.arange(count) % len(given)]


def rows_of(stages: Sequence[Stage], heads: Mapping[str, Disentangler], images: Tensor) -> dict[str, Rows]:
    """Run the torch computation of every graph, each on what the graphs before it gave.

    Inputs nobody gives (noise) are seeded standard normal numbers.

    Args:
        stages: the graphs; `encode` comes before those of heads.
        heads: name -> head, for all that `stages` name.
        images: `(N, C, H, W)`.
    """
    shared = {"image": images}
    own: dict[str, dict[str, Tensor]] = {}  # heads may call their factors the same
    found = {}
    for stage in stages:
        known = shared if stage.head is None else own.setdefault(stage.head, dict(shared))
        factors = () if stage.head is None else heads[stage.head].factors
        inputs = tuple(_input(stage, name, known, factors, len(images)) for name in stage.graph.inputs)
        outputs = stage.reference(*inputs)
        found[stage.name] = Rows(inputs, outputs)
        for name, output in zip(stage.graph.outputs, outputs, strict=True):
            known.setdefault(name, output)
    return found


def _input(stage: Stage, name: str, known: Mapping[str, Tensor], factors: Sequence[Factor], count: int) -> Tensor:
    shape = stage.graph.inputs[name]
    for tensor in _candidates(name, known, factors):
        if tensor.shape[1:] == shape:
            return tensor
    return Draws(0, f"export/{stage.name}/{name}", 0).normal(count, *shape)


def _candidates(name: str, known: Mapping[str, Tensor], factors: Sequence[Factor]) -> list[Tensor]:
    if name in known:
        return [known[name]]
    contents = [known[factor.name] for factor in factors if factor.role == "content" and factor.name in known]
    if name in ("first", "second"):  # of a score: two content factors, which must not be the same
        return [tensor if name == "first" else tensor.roll(1, 0) for tensor in contents]
    return []

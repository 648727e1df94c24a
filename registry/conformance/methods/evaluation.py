"""Measuring."""

import math

from unbraid.registry import get_registry
from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import MethodCase
from unbraid.registry.conformance.tolerance import require_close

#: Metrics that are fast: here only the way there matters.
METRICS = ("few_shot", "reconstruction", "swap_error")
EPISODES = 20


@check("evaluation", "method")
def figures(case: MethodCase) -> None:
    """Evaluating gives finite figures, or says why there is none; swaps are measured where the head can entangle.

    Breaks: the method cannot be compared with any other.

    Mend: see the error; give factors the right roles, and claim `entangle` where it is there.
    """
    there = get_registry().metrics()
    metrics = [name for name in METRICS if name in there]
    evaluation = case.model.evaluate(case.dataset, episodes=EPISODES, metrics=metrics)
    require(not evaluation.failures, "metrics broke", expected="none", found=dict(evaluation.failures))
    measured = [figure for figure in evaluation.figures if figure.value is not None]
    for figure in measured:
        require(
            math.isfinite(figure.value or 0), f"{figure.name} is no number", expected="a number", found=figure.value
        )
    if "swap_error" in metrics:
        swaps = any(figure.name.startswith("swap") for figure in measured)
        can = "entangle" in case.head.capabilities
        require(swaps == can, "swaps and capabilities disagree", expected=f"swaps measured: {can}", found=swaps)


@check("evaluation", "method")
def verbs(case: MethodCase) -> None:
    """The verbs do what the capabilities say; a swap of a picture with itself is its reconstruction.

    Breaks: transfers change what they should keep.

    Mend: `entangle` depends on the factors alone, and on all rows alike.
    """
    case.need("entangle")
    model, z = case.model, case.z
    require_close("a swap with itself", model.latents.transfer(content=z, style=z), model.latents.reconstruct(z))
    swapped = model.latents.transfer(content=z, style=z.flip(0))
    require(swapped.shape == z.shape, "a swap has another shape", expected=tuple(z.shape), found=tuple(swapped.shape))
    if "decode" in model.backbone.info.capabilities:
        images = model.transfer(content=case.images, style=case.images)
        require(
            tuple(images.shape) == case.images.shape, "pictures differ", expected=case.images.shape, found=images.shape
        )
        grid = model.interpolate(case.images[:2], case.images[2:4], steps=3)
        require_close("the first corner of an interpolation", grid[0, 0], model.reconstruct(case.images[:2]))

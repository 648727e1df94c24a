"""The way back from latents to pictures."""

import torch

from unbraid.core.errors import CapabilityError
from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import Failure, Skip, check, require

#: Largest error of a picture that goes through an exact inverse and back: float32 through many layers.
EXACT = 1e-4


@check("inverse", "backbone")
def in_range(case: BackboneCase) -> None:
    """Decoded pictures lie in [0, 1].

    Breaks: pictures are clipped or wrapped around when they are saved, and pixel figures have another scale.

    Mend: end the decoder with a sigmoid or a clamp, after undoing the normalisation.
    """
    if case.backbone.decoder is None:
        raise Skip("has no decoder")
    with torch.no_grad():
        found = case.backbone.decode(case.z)
    low, high = float(found.min()), float(found.max())
    require(0 <= low <= high <= 1, "pictures are out of range", expected="0 .. 1", found=f"{low:.3g} .. {high:.3g}")


@check("inverse", "backbone")
def exact(case: BackboneCase) -> None:
    """An inverse that is declared exact gives pictures back.

    Breaks: whatever is lost on the way is blamed on the head.

    Mend: declare `amortised` where a decoder was learned.
    """
    if case.backbone.info.inverse != "exact":
        raise Skip(f"declares its inverse {case.backbone.info.inverse!r}")
    with torch.no_grad():
        worst = float((case.backbone.decode(case.z) - case.pictures).abs().max())
    require(worst < EXACT, "the inverse is not exact", expected=f"< {EXACT}", found=f"{worst:.2g}")


@check("inverse", "backbone")
def refused(case: BackboneCase) -> None:
    """A backbone without a decoder refuses to decode with a `CapabilityError`.

    Breaks: users see an `AttributeError` of `None` instead of what to do.

    Mend: leave `decode` to the base class.
    """
    if case.backbone.decoder is not None:
        raise Skip("has a decoder")
    try:
        case.backbone.decode(case.z)
    except CapabilityError:
        return
    raise Failure("decodes without a decoder", expected="CapabilityError", found="pictures")

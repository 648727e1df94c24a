"""What goes in and what comes out."""

import torch

from unbraid.registry.conformance.backbone_case import ROWS, BackboneCase
from unbraid.registry.conformance.check import Skip, check, require
from unbraid.registry.conformance.tolerance import require_close, require_equal


@check("shapes", "backbone")
def encode(case: BackboneCase) -> None:
    """Latents have the declared shape, in float32, and are finite.

    Breaks: heads are built for the declared shape, and caches written in it.

    Mend: state the shape of one latent in `info.latent`; casts and scaling live inside the encoder.
    """
    shape = (ROWS, *case.backbone.info.latent.shape)
    found = case.z
    require(tuple(found.shape) == shape, "latents have another shape", expected=shape, found=tuple(found.shape))
    require(found.dtype == torch.float32, "latents have another dtype", expected="float32", found=found.dtype)
    require(bool(found.isfinite().all()), "latents are not finite", expected="numbers", found="NaN or infinity")


@check("shapes", "backbone")
def informative(case: BackboneCase) -> None:
    """Different pictures have different latents.

    Breaks: everything runs, and nothing is learned.

    Mend: look for a missing tap, a wrong normalisation, or weights that were not loaded.
    """
    spread = float(case.z.flatten(1).std(0).max())
    require(spread > 0, "all pictures have the same latent", expected="a spread above 0", found=spread)


@check("shapes", "backbone")
def posterior(case: BackboneCase) -> None:
    """There is a variance where `info.latent` says so, of the shape of the mean, and nowhere else.

    Breaks: caches leave it out, and `latent_mode="sample"` samples nothing.

    Mend: `LatentSpec(..., stochastic=True)` where the encoder gives `Posterior(mean, log_variance)`.
    """
    with torch.no_grad():
        found = case.backbone.posterior(case.pictures)
    stochastic = case.backbone.info.latent.stochastic
    has = found.log_variance is not None
    require(has == stochastic, "variance and declaration disagree", expected=f"a variance: {stochastic}", found=has)
    if found.log_variance is not None:
        good = found.log_variance.shape == found.mean.shape and bool(found.log_variance.isfinite().all())
        require(good, "the variance is unusable", expected=f"finite, {tuple(found.mean.shape)}", found="something else")


@check("shapes", "backbone")
def alone(case: BackboneCase) -> None:
    """A picture in a batch has the latent it has alone.

    Breaks: a cache depends on the batch size it was made with, and a server on who asks at the same time.

    Mend: evaluation mode for batch norm; nothing in the encoder may look along dimension 0.
    """
    with torch.no_grad():
        rows = torch.cat([case.backbone.encode(picture[None]) for picture in case.pictures])
    require_close("latents alone and in a batch", rows, case.z)


@check("shapes", "backbone")
def repeats(case: BackboneCase) -> None:
    """The same picture has the same latent each time, and is not changed by being encoded.

    Breaks: caches, figures and exports are of different latents.

    Mend: `encode` gives the mean; no dropout in evaluation mode, no in-place operation on the input.
    """
    given = case.pictures.clone()
    with torch.no_grad():
        again = case.backbone.encode(given)
    require_equal("latents of the same pictures", again, case.z)
    require_equal("pictures before and after encoding", given, case.pictures)


@check("shapes", "backbone")
def decode(case: BackboneCase) -> None:
    """Decoded pictures have the size of the input, in float32.

    Breaks: swaps cannot be compared with pictures, nor encoded again.

    Mend: crop, pad or resize inside the decoder.
    """
    if case.backbone.decoder is None:
        raise Skip("has no decoder")
    with torch.no_grad():
        found = case.backbone.decode(case.z)
    shape = tuple(case.pictures.shape)
    require(tuple(found.shape) == shape, "pictures have another size", expected=shape, found=tuple(found.shape))
    require(found.dtype == torch.float32, "pictures have another dtype", expected="float32", found=found.dtype)

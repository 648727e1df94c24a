"""Gradients through a frozen model."""

import torch
from torch import Tensor

from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import Skip, check, require


@check("gradients", "backbone")
def encoder(case: BackboneCase) -> None:
    """Gradients flow through the encoder to the picture where `gradient` is declared, and only there.

    Breaks: frozen must not be `no_grad`: losses in pixels train nothing, silently.

    Mend: no `torch.no_grad`, `detach` or numpy inside; or leave `gradient` out of `capabilities`.
    """
    images = case.pictures[:2].clone().requires_grad_()
    z = case.backbone.encode(images)
    if "gradient" not in case.backbone.info.capabilities:
        require(not z.requires_grad, "gradients are not declared, and flow", expected="none", found="a graph")
        return
    require(z.requires_grad, "no gradients flow through the encoder", expected="a graph", found="none")
    direction = torch.randn(z.shape, generator=torch.Generator().manual_seed(2))
    torch.autograd.backward((z * direction).sum())
    _moves("pictures", images)


@check("gradients", "backbone")
def decoder(case: BackboneCase) -> None:
    """Gradients flow through the decoder to the latent where `gradient` is declared.

    Breaks: cycles through pixels and image losses of methods train nothing.

    Mend: no `torch.no_grad`, `detach`, rounding or hard clamp inside the decoder.
    """
    if case.backbone.decoder is None:
        raise Skip("has no decoder")
    case.need("gradient")
    latents = case.z[:2].clone().requires_grad_()
    negative = 1 - case.pictures[:2]  # an exact inverse has no error to move by
    error = (case.backbone.decode(latents) - negative).square().sum()
    require(error.requires_grad, "no gradients flow through the decoder", expected="a graph", found="none")
    torch.autograd.backward(error)
    _moves("latents", latents)


@check("gradients", "backbone")
def weights(case: BackboneCase) -> None:
    """Gradients never reach the weights.

    Breaks: an optimiser that finds them moves the backbone; memory doubles.

    Mend: let the base class hold the flags; do not set `requires_grad` in `forward`.
    """
    case.need("gradient")
    images = case.pictures[:2].clone().requires_grad_()
    z = case.backbone.encode(images)
    if z.requires_grad:
        torch.autograd.backward(z.sum())
    reached = [name for name, parameter in case.backbone.named_parameters() if parameter.grad is not None]
    for parameter in case.backbone.parameters():
        parameter.grad = None
    require(not reached, "gradients reach the weights", expected="none", found=", ".join(reached[:5]))


def _moves(what: str, tensor: Tensor) -> None:
    moved = tensor.grad is not None and bool(tensor.grad.isfinite().all()) and float(tensor.grad.abs().sum()) > 0
    require(moved, f"no useful gradient reaches the {what}", expected="finite, not zero", found=tensor.grad)

"""Names, shapes and dtypes of what goes in and comes out."""

import torch
from torch import Tensor

from unbraid.core.interfaces import Posterior
from unbraid.registry.conformance.check import check, require
from unbraid.registry.conformance.method_case import ROWS, MethodCase
from unbraid.registry.conformance.tolerance import require_equal


@check("shapes", "method")
def disentangle(case: MethodCase) -> None:
    """`disentangle` gives the declared factors, in the declared order and shapes, in float32.

    Breaks: bundles, probes and swaps read factors by the declaration, and get the wrong columns.

    Mend: return a dictionary with one entry for each of `self.factors`, `(B, *factor.shape)`.
    """
    names = [factor.name for factor in case.head.factors]
    require(
        list(case.factors) == names,
        "factors have other names or another order",
        expected=names,
        found=list(case.factors),
    )
    for factor in case.head.factors:
        _shape(f"factor {factor.name}", case.factors[factor.name], factor.shape)


@check("shapes", "method")
def entangle(case: MethodCase) -> None:
    """`entangle` gives latents of the shape the backbone decodes.

    Breaks: the decoder refuses what comes back, or broadcasts it to a wrong picture.

    Mend: `.view(-1, *self.latent.shape)` at the end.
    """
    case.need("entangle")
    with torch.no_grad():
        _shape("the entangled latent", case.head.entangle(case.factors), case.head.latent.shape)


@check("shapes", "method")
def order(case: MethodCase) -> None:
    """`entangle` reads factors by name, whatever order they come in.

    Breaks: a user who writes the style first gets content and style exchanged, without an error.

    Mend: read `factors["name"]`; `torch.cat(list(factors.values()))` trusts the caller's order.
    """
    case.need("entangle")
    backwards = dict(reversed(case.factors.items()))
    with torch.no_grad():
        forward, back = case.head.entangle(case.factors), case.head.entangle(backwards)
    require_equal("latents from factors in two orders", back, forward)


@check("shapes", "method")
def posterior(case: MethodCase) -> None:
    """`posterior` has the means `disentangle` gives, and a variance for gaussian factors and no others.

    Breaks: sampled figures are of another head than mean figures, and samples of a point are noise.

    Mend: call `disentangle` for the means; declare `distribution="gaussian"` where there is a variance.
    """
    with torch.no_grad():
        found = case.head.posterior(case.z)
    require(
        set(found) == set(case.factors), "posterior has other factors", expected=set(case.factors), found=set(found)
    )
    for factor in case.head.factors:
        _posterior(factor.name, found[factor.name], case.factors[factor.name], factor.distribution == "gaussian")


@check("shapes", "method")
def classify(case: MethodCase) -> None:
    """`classify` gives one logit a class.

    Breaks: the accuracy of the head's own classifier is read from the wrong columns.

    Mend: `(B, classes)`, the classes of the content label that `build` was given.
    """
    case.need("classify")
    with torch.no_grad():
        _shape("the logits", case.head.classify(case.z), (case.dataset.content.count,))


@check("shapes", "method")
def score(case: MethodCase) -> None:
    """`score` gives one number a pair of content factors.

    Breaks: few-shot figures are taken over a wrong axis.

    Mend: `(B, *factor), (B, *factor) -> (B,)`; higher is more alike.
    """
    case.need("score")
    content = case.factors[case.head.factor("content").name]
    with torch.no_grad():
        _shape("the scores", case.head.score(content, content.flip(0)), ())


@check("shapes", "method")
def sample(case: MethodCase) -> None:
    """`sample` turns noise into declared factors: all of them, or those that have a prior.

    Breaks: pictures from the prior cannot be made of what comes back.

    Mend: noise is `(B, W)`, W the widths of the factors it becomes; give each as `(B, *factor.shape)`.
    """
    case.need("sample")
    factors = {factor.name: factor for factor in case.head.factors}
    styles = sum(factor.width for factor in factors.values() if factor.role != "content")
    errors = []
    for width in (sum(factor.width for factor in factors.values()), styles):
        try:
            with torch.no_grad():
                found = case.head.sample(torch.zeros(ROWS, width))
            unknown = sorted(set(found) - set(factors))
            require(found and not unknown, "sample gives other factors", expected=list(factors), found=list(found))
            for name, value in found.items():
                _shape(f"sampled factor {name}", value, factors[name].shape)
        except Exception as error:  # noqa: BLE001 - the other width may be the one it takes
            errors.append(error)
    if len(errors) == 2:
        raise errors[0]


@check("shapes", "method")
def graphs(case: MethodCase) -> None:
    """The graphs for export have the names and shapes of factors and latents.

    Breaks: the runtime finds factors under names the manifest does not know.

    Mend: leave `graphs` to the base class, or add to what it gives.
    """
    found = case.head.graphs()
    shapes = {factor.name: tuple(factor.shape) for factor in case.head.factors}
    latent = {"latent": tuple(case.head.latent.shape)}
    wanted = {"disentangle": (latent, shapes)}
    if "entangle" in case.head.capabilities:
        wanted["entangle"] = (shapes, latent)
    for name, (inputs, outputs) in wanted.items():
        require(name in found, f"there is no graph {name}", expected=", ".join(wanted), found=", ".join(found))
        given = (dict(found[name].inputs), dict(found[name].outputs))
        require(
            given == (inputs, outputs), f"graph {name} has another signature", expected=(inputs, outputs), found=given
        )


def _shape(what: str, found: Tensor, shape: tuple[int, ...]) -> None:
    wanted = (ROWS, *shape)
    right = isinstance(found, Tensor) and tuple(found.shape) == wanted and found.dtype == torch.float32
    described = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
    require(right, f"{what} has another shape or dtype", expected=f"torch.float32 {wanted}", found=described)


def _posterior(name: str, found: Posterior, mean: Tensor, gaussian: bool) -> None:
    require_equal(f"means of factor {name} by posterior and disentangle", found.mean, mean)
    has = found.log_variance is not None
    require(
        has == gaussian,
        f"factor {name}: variance and declaration disagree",
        expected="a variance" if gaussian else "none",
        found="a variance" if has else "none",
    )
    if found.log_variance is not None:
        require(
            found.log_variance.shape == mean.shape,
            f"factor {name}: the variance has another shape",
            expected=tuple(mean.shape),
            found=tuple(found.log_variance.shape),
        )

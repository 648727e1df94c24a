"""The head: a change of basis."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from unbraid import CapabilityError, Disentangler, Factor, Latents, LatentSpec, only
from unbraid.core.nn import Standardise, require_narrow

from unbraid_pisco.closed_form import directions
from unbraid_pisco.config import PiscoConfig


class Pisco(Disentangler):
    """Linear content and style (Ngweta et al. 2023, arXiv 2302.09795): all of it happens in `prepare`.

    Latents are standardised and written in another basis: `style` are the directions that say the style, `content` those
    in which samples differ and versions of one content do not, `rest` the few that are left. The basis is
    inverted, so putting factors together is exact. Maps are flattened, up to 4096 numbers.

    Args:
        config: settings.
        latent: shape of the latents.

    Raises:
        CapabilityError: the latent is too wide, or too narrow for content and style.
    """

    capabilities = frozenset({"entangle"})
    monitor = "none"
    steps = 0

    def __init__(self, config: PiscoConfig, latent: LatentSpec) -> None:
        super().__init__()
        require_narrow(latent, by="pisco")
        self.config, self.latent = config, latent
        self.style, self.content = _widths(config, latent.width)
        rest = latent.width - self.style - self.content
        self.factors = (
            Factor("style", (self.style,), "style", label="style"),
            Factor("content", (self.content,), "content", label="content"),
            *((Factor("rest", (rest,), "rest"),) if rest else ()),
        )
        self.standardise = Standardise(latent)
        self.basis: Tensor
        self.inverse: Tensor
        self.register_buffer("basis", torch.eye(latent.width))
        self.register_buffer("inverse", torch.eye(latent.width))

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Find the basis from the training latents.

        Raises:
            LabelError: no two rows share a content (in two styles, where styles are labelled), or too few styles.
        """
        training: Latents = only(latents)
        self.standardise.fit(training)
        basis = directions(
            self.standardise(training.z).flatten(1).double(),
            training.label("content"),
            training.label("style"),
            widths=(self.style, self.content),
            weight=self.config.weight,
            ridge=self.config.ridge,
        )
        self.basis.copy_(basis)
        self.inverse.copy_(torch.linalg.inv(basis))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into `style`, `content` and `rest`, each `(B, width)`."""
        parts = (self.standardise(z).flatten(1) @ self.basis).split([factor.width for factor in self.factors], 1)
        return {factor.name: part for factor, part in zip(self.factors, parts, strict=True)}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put factors `(B, width)` back together to latents `(B, *latent)`."""
        joined = torch.cat([factors[factor.name] for factor in self.factors], 1)
        return self.standardise.inverse((joined @ self.inverse).view(-1, *self.latent.shape))


def _widths(config: PiscoConfig, width: int) -> tuple[int, int]:
    """Give the widths of style and content; rounding never takes the last number of content."""
    style = config.style_width
    content = max(1, math.floor(config.keep * width) - style)
    if style + content > width:
        raise CapabilityError(
            "pisco: the latent is too narrow", expected=f"more than {style} numbers", found=width, hint="style_width=1"
        )
    return style, content

"""The head of Mathieu's method."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from unbraid.core.interfaces import Backbone, LatentSpec, Objective, only
from unbraid.core.two_codes.head import TwoCodes
from unbraid.plugins.mathieu.config import MathieuConfig
from unbraid.plugins.mathieu.losses import Autoencoding, Generating


class Mathieu(TwoCodes):
    """Variational autoencoder of two codes with a pair discriminator (Mathieu et al. 2016, arXiv:1611.03383).

    In the form that needs pairs alone (Jha et al. 2018): `specified` is a point, `unspecified` a Gaussian with a
    standard normal prior.

    Args:
        config: settings.
        latent: shape of the latents.

    Raises:
        CapabilityError: the networks do not fit the latent.

    >>> import torch
    >>> head = Mathieu(MathieuConfig(specified=4, unspecified=3), LatentSpec((16,)))
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(2, 16)).items()}
    {'specified': (2, 4), 'unspecified': (2, 3)}
    """

    capabilities = frozenset({"entangle", "sample"})
    monitor = "reconstruction"
    config: MathieuConfig

    def __init__(self, config: MathieuConfig, latent: LatentSpec) -> None:
        super().__init__(config, latent)
        self.config = config

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give autoencoder, generator and discriminator, in the order of the published code."""
        return [Autoencoding(self).objective(), *Generating(self, only(backbones)).objectives()]

    def sample(self, noise: Tensor) -> dict[str, Tensor]:
        """Give standard normal noise `(B, unspecified)` as unspecified codes; specified ones have no prior."""
        return {"unspecified": noise}

"""The head of Szabo's method."""

from collections.abc import Mapping, Sequence

from unbraid.core.interfaces import Backbone, LatentSpec, Objective, only
from unbraid.core.two_codes.head import TwoCodes
from unbraid.plugins.szabo.config import SzaboConfig
from unbraid.plugins.szabo.losses import Autoencoding, Generating


class Szabo(TwoCodes):
    """Autoencoder of two codes with a pair discriminator (Szabo et al. 2017, arXiv:1711.02245).

    Both codes are points: `specified` is what the paper calls N_c, common to a pair, `unspecified` its N_v, which
    varies. Nothing limits what goes through the latter but its width and the discriminator.

    Args:
        config: settings.
        latent: shape of the latents.

    Raises:
        CapabilityError: the networks do not fit the latent.

    >>> import torch
    >>> head = Szabo(SzaboConfig(specified=4, unspecified=3), LatentSpec((16,)))
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(2, 16)).items()}
    {'specified': (2, 4), 'unspecified': (2, 3)}
    """

    stochastic = False
    monitor = "reconstruction"
    config: SzaboConfig

    def __init__(self, config: SzaboConfig, latent: LatentSpec) -> None:
        super().__init__(config, latent)
        self.config = config

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give autoencoder, discriminator and generator, in the order of the published code."""
        return [Autoencoding(self).objective(), *Generating(self, only(backbones)).objectives()]

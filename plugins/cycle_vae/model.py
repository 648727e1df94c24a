"""The head of cycle-VAE."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from unbraid.core.interfaces import Backbone, LatentSpec, Objective, only
from unbraid.core.two_codes.head import TwoCodes
from unbraid.plugins.cycle_vae.config import CycleVAEConfig
from unbraid.plugins.cycle_vae.losses import Adversary, ForwardCycle, ReverseCycle


class CycleVAE(TwoCodes):
    """Cycle-consistent variational autoencoder (Jha et al. 2018, arXiv:1804.10469) of latents.

    Pairs of one class, whose class is never read, give `specified`; what else it takes to rebuild a latent is
    `unspecified`, a Gaussian with a standard normal prior. No adversary unless asked for.

    Args:
        config: settings.
        latent: shape of the latents.

    Raises:
        CapabilityError: the networks do not fit the latent.

    >>> import torch
    >>> head = CycleVAE(CycleVAEConfig(specified=4, unspecified=3), LatentSpec((16,)))
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(2, 16)).items()}
    {'specified': (2, 4), 'unspecified': (2, 3)}
    """

    capabilities = frozenset({"entangle", "sample"})
    config: CycleVAEConfig

    def __init__(self, config: CycleVAEConfig, latent: LatentSpec) -> None:
        super().__init__(config, latent)
        self.config = config
        if config.adversary != "off":
            self.monitor = "reconstruction"  # the loss of a player says nothing when the other learns too

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the forward and the reverse cycle, each with an Adam of its own, and the players of an adversary."""
        backbone = only(backbones)
        cycles = [ForwardCycle(self).objective(), *ReverseCycle(self, backbone).objectives()]
        if self.config.adversary == "off":
            return cycles
        return [*cycles, *Adversary(self, backbone).objectives()]

    def sample(self, noise: Tensor) -> dict[str, Tensor]:
        """Give standard normal noise `(B, unspecified)` as unspecified codes; specified ones have no prior."""
        return {"unspecified": noise}

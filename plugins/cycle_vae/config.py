"""Settings of cycle-VAE."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.two_codes.config import TwoCodesConfig, View

Distance = Literal["l1", "wasserstein"]
Adversary = Literal["off", "both", "decoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleVAEConfig(TwoCodesConfig):
    """Settings of cycle-VAE; the defaults are the `default` preset. See also `TwoCodesConfig`.

    Args:
        reconstruction: weight of the swapped reconstruction of the forward cycle, a mean over numbers.
        kl: weight of the divergence of the unspecified code from its prior, divided by the numbers of a latent.
        reverse: weight of the distance that the reverse cycle closes.
        distance: which: mean absolute difference of the means (`l1`, the paper), or the squared 2-Wasserstein
            distance of the posteriors.
        cycle_through: what the reverse cycle encodes again: the latent it made (`latent`), or what the frozen decoder
            and encoder make of it (`pixels`).
        reverse_reconstruction: weight of putting the codes together again at the end of the reverse cycle; 0 is off.
        adversary: who hears a pair discriminator that tells what the reverse cycle makes from true samples of the class:
            nobody (`off`), encoder and decoder (`both`), or the `decoder`.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "cycle_vae"

    reconstruction: float = 2.0
    kl: float = 1.0
    reverse: float = 10.0
    distance: Distance = "l1"
    cycle_through: View = "latent"
    reverse_reconstruction: float = 0.0
    adversary: Adversary = "off"

    def __post_init__(self) -> None:
        TwoCodesConfig.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        self.check_at_least(0, "reconstruction", "kl", "reverse", "reverse_reconstruction")
        self.check_one_of("distance", Distance)
        self.check_one_of("cycle_through", View)
        self.check_one_of("adversary", Adversary)

    @property
    def needs(self) -> frozenset[str]:
        """`decode` and `gradient` where the cycle goes, or an adversary looks, through pixels."""
        judged = self.adversary != "off" and self.discriminate == "pixels"
        return frozenset({"decode", "gradient"}) if judged or self.cycle_through == "pixels" else frozenset()

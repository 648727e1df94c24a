"""Settings that methods with two codes share; imports no torch."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings, Network

View = Literal["latent", "pixels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoCodesConfig(CheckedSettings):
    """Settings of networks, optimiser and pair discriminator.

    Args:
        specified: numbers in the code of what pairs share.
        unspecified: numbers in the code of what varies within a class.
        network: `mlp` flattens latents, `convolutional` is the paper's, for maps; `auto` takes the latter wherever a
            latent is a map large enough for it.
        hidden: hidden widths of the `mlp` encoder; the decoder has the last of them.
        channels: of the convolutions, each of which halves height and width.
        code_slope: of the leaky ReLU on the codes as they enter the decoder; 1 is none.
        map_slope: of those further up in the decoder; 0 is a plain ReLU.
        standardise: of the latents before anything else: `dim`, `channel` or `none`. Latents that are pictures are
            always taken as they are.
        pairs: pairs, or rows, of each batch.
        discriminate: what the pair discriminator sees: `latent`, or `pixels`, pictures of the frozen decoder.
        accuracy_limit: the pair discriminator learns only while its accuracy is below.
        lr, betas: of Adam, of which each objective has its own.
        deception_lr: of the Adam of those who deceive the pair discriminator. It says how much they hear of it: Adam
            takes no notice of the weight of a single term.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "two codes"

    specified: int = 16
    unspecified: int = 16
    network: Network = "auto"
    hidden: tuple[int, ...] = (256, 256)
    channels: tuple[int, ...] = (16, 32, 64)
    code_slope: float = 0.2
    map_slope: float = 0.2
    standardise: Literal["none", "dim", "channel"] = "dim"
    pairs: int = 64
    discriminate: View = "latent"
    accuracy_limit: float = 0.8
    lr: float = 1e-3
    deception_lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    steps: int = 2_500

    def __post_init__(self) -> None:
        self.check_at_least(1, "specified", "unspecified", "pairs", "steps")
        self.check_at_least(0, "code_slope", "map_slope")
        self.check_widths("hidden", "channels")
        self.check_one_of("network", Network)
        self.check_one_of("discriminate", View)
        self.check(0 <= self.accuracy_limit <= 1, "accuracy_limit", "0 <= accuracy_limit <= 1")
        self.check_positive("lr", "deception_lr")
        self.check_betas()

    @property
    def needs(self) -> frozenset[str]:
        """What the backbone must be able to do with these settings; `attach` refuses others."""
        return frozenset({"decode", "gradient"}) if self.discriminate == "pixels" else frozenset()

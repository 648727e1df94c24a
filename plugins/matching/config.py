"""Settings of the matching heads."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings

Network = Literal["raw", "linear", "mlp", "convolutional", "auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingConfig(CheckedSettings):
    """Settings of the matching heads.

    Args:
        network: `raw` takes the standardised latent as it is and has nothing to train, `linear` maps it to `width`
            numbers, `mlp` has hidden layers before that, `convolutional` is the paper's, for maps; `auto` takes the
            latter wherever a latent is a map of 16 x 16 or more, and `mlp` elsewhere.
        temperature: what cosines are multiplied by before the softmax over the support; the paper has none, which is 1.
        hidden: widths of the hidden layers of `mlp`.
        width: numbers in the embedding; `raw` has as many as the latent. Of the convolutional network it is channels of
            each of four stages, and as many numbers for each 16 x 16 of the map.
        ways, shots, queries, episodes: of a training step; `ways` is lowered to the classes there are.
        dropout: probability, before every linear layer.
        standardise: of the latents before anything else: `dim`, `channel` or `none`. The convolutional network takes
            pictures as they are.
        lr: of Adam.
        steps: training steps of a fit unless told otherwise; `raw` makes none.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "matching"

    network: Network = "mlp"
    temperature: float = 10.0
    hidden: tuple[int, ...] = (256, 256)
    width: int = 64
    ways: int = 20
    shots: int = 1
    queries: int = 5
    episodes: int = 1
    dropout: float = 0.0
    standardise: Literal["none", "dim", "channel"] = "dim"
    lr: float = 1e-3
    steps: int = 2_000

    def __post_init__(self) -> None:
        self.check_at_least(1, "width", "shots", "queries", "episodes", "steps")
        self.check_at_least(2, "ways")
        # above 40, exp(2 * temperature) leaves the range in which a float32 tells two scores apart
        self.check(0 < self.temperature <= 40, "temperature", "0 < temperature <= 40")
        self.check_widths("hidden")
        self.check_one_of("network", Network)
        self.check_share("dropout")
        self.check_positive("lr")

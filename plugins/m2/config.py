"""Settings of M2."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class M2Config(CheckedSettings):
    """Settings of M2; the defaults are the `default` preset.

    Args:
        style: numbers in the style latent.
        alpha: weight of the classifier's cross-entropy, a mean over rows with a label, beside the bound, a mean over
            all rows; equation (9). Where all labels are known the classifier hears nothing else, so it changes nothing.
        variance: of the Gaussian likelihood p(x|y, z), in standardised numbers of the frozen latent; smaller values
            ask for better reconstructions and cost more divergence.
        encoder, decoder, classifier: hidden widths of q(z|x, y), p(x|y, z) and q(y|x).
        rows: rows of a training step. Where labels are missing each is encoded and decoded once a class.
        labelled: rows with a label that are drawn beside them for the cross-entropy, where labels are missing.
        standardise: of the frozen latents before anything else: `dim`, `channel` or `none`.
        lr: of Adam.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "m2"

    style: int = 16
    alpha: float = 10.0
    variance: float = 0.1
    encoder: tuple[int, ...] = (256, 256)
    decoder: tuple[int, ...] = (256, 256)
    classifier: tuple[int, ...] = (256, 256)
    rows: int = 128
    labelled: int = 64
    standardise: Literal["none", "dim", "channel"] = "dim"
    lr: float = 1e-3
    steps: int = 3_000

    def __post_init__(self) -> None:
        self.check_at_least(1, "style", "rows", "steps")
        self.check_at_least(0, "alpha")
        self.check_positive("variance", "lr")
        self.check_widths("encoder", "decoder", "classifier")

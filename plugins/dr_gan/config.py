"""Settings of DR-GAN."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings, Network

Verdict = Literal["binary", "extra_class"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DRGANConfig(CheckedSettings):
    """Settings of DR-GAN; the defaults are the `default` preset.

    Args:
        identity: numbers in the identity code.
        noise: numbers drawn from U(-1, 1) beside code and pose while training; 0 elsewhere.
        verdict: how the discriminator says "made up": by a logit of its own (`binary`, the public code), or as one
            more identity (`extra_class`, the paper).
        network: `mlp` flattens latents, `convolutional` is the paper's, for maps; `auto` takes the latter wherever a latent
            is a map of 16 x 16 or more.
        encoder, decoder, discriminator, reader: hidden widths of `mlp`; the reader names the pose.
        accuracy_limit: the discriminator learns only while the mean accuracy of its verdicts is below.
        rows: rows of each batch.
        standardise: of the frozen latents before anything else: `dim`, `channel` or `none`. Convolutions take pictures
            as they are.
        lr, betas: of Adam, of which each objective has its own.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "dr_gan"

    identity: int = 64
    noise: int = 8
    verdict: Verdict = "binary"
    network: Network = "mlp"
    encoder: tuple[int, ...] = (256, 256)
    decoder: tuple[int, ...] = (256, 256)
    discriminator: tuple[int, ...] = (256, 256)
    reader: tuple[int, ...] = (256,)
    accuracy_limit: float = 0.9
    rows: int = 128
    standardise: Literal["none", "dim", "channel"] = "dim"
    lr: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    steps: int = 3_000

    def __post_init__(self) -> None:
        self.check_at_least(1, "identity", "rows", "steps")
        self.check_at_least(0, "noise")
        self.check_one_of("verdict", Verdict)
        self.check_one_of("network", Network)
        self.check(0 <= self.accuracy_limit <= 1, "accuracy_limit", "0 <= accuracy_limit <= 1")
        self.check_positive("lr")
        self.check_betas()
        self.check_widths("encoder", "decoder", "discriminator", "reader")

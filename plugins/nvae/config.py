"""Settings of N-VAE."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class NVAEConfig(CheckedSettings):
    """Settings of N-VAE; the defaults are the `default` preset.

    Args:
        shared: numbers in the latents that classes share, S.
        class_dependent: numbers in the latents that every class reads in its own way, L.
        beta_c: weight of the divergence of the class-dependent latents, equation (7); 1 is equation (6). Above 1 it
            drives into the shared latents whatever classes can share.
        beta_s: weight of the divergence of the shared latents; 1 in both equations.
        class_weight: weight of log q(y|x), which is 1 in both equations. Where the classifier has weights of its own, it
            matters only where labels are missing: at 1, reconstructions of rows without a label outvote the labels.
        variance: of the Gaussian likelihood p(x|y, z), in standardised numbers of the frozen latent; smaller values
            ask for better reconstructions and cost more divergence. Pictures under convolutions have a Bernoulli
            likelihood, which has none.
        tie_gate: one number a class and latent that is both its bias and its gain, in place of two.
        network: `mlp` flattens latents; `convolutional` has two convolutions and 1024 numbers after them, from which
            encoder and classifier read, and the mirror of that, for maps; `auto` takes the latter wherever a latent is
            a map of 8 x 8 or more.
        trunk, decoder, classifier: hidden widths of the encoder, the decoder and q(y|x) of `mlp`.
        rows: rows of a training step. Where labels are missing each is decoded once a class.
        standardise: of the frozen latents before anything else: `dim`, `channel` or `none`. Convolutions take pictures
            as they are.
        lr: of Adam.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "nvae"

    shared: int = 8
    class_dependent: int = 8
    beta_c: float = 4.0
    beta_s: float = 1.0
    class_weight: float = 10.0
    variance: float = 0.1
    tie_gate: bool = False
    network: Network = "mlp"
    trunk: tuple[int, ...] = (256, 256)
    decoder: tuple[int, ...] = (256, 256)
    classifier: tuple[int, ...] = (256, 256)
    rows: int = 128
    standardise: Literal["none", "dim", "channel"] = "dim"
    lr: float = 1e-3
    steps: int = 3_000

    def __post_init__(self) -> None:
        self.check_at_least(1, "shared", "class_dependent", "rows", "steps")
        self.check_at_least(0, "beta_c", "beta_s", "class_weight")
        self.check_positive("variance", "lr")
        self.check_widths("trunk", "decoder", "classifier")
        self.check_one_of("network", Network)

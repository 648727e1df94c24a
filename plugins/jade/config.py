"""Settings of JADE."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings, Network

Match = Literal["off", "kl", "symmetric_kl", "class_moment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JADEConfig(CheckedSettings):
    """Settings of JADE; the defaults are the `default` preset.

    Args:
        content, style: numbers in the two factors of each domain.
        shared: one classifier for both domains, or one each.
        autoencode: whether there are style factors, priors and decoders; without them contents are points, and what is
            left is one or two classifiers.
        match: how content posteriors of one class meet across domains: KL from the first domain to the second as
            printed (`kl`), the mean of both directions (`symmetric_kl`), the same KL between one Gaussian a class and
            domain with the moments of its rows (`class_moment`), or not at all (`off`).
        matching: weight of that beside reconstruction and the other divergences; 1 as printed.
        label: weight of the cross-entropies.
        bound: weight of reconstruction and all divergences, that of the matching included, which are divided by the
            numbers of a latent. The paper does not say how it weighs thousands of pixels against one label.
        variance: of the Gaussian likelihood, in standardised numbers of the frozen latents. Pictures under convolutions
            have a Bernoulli likelihood, which has none.
        network: of encoders and decoders: `mlp` flattens latents, `convolutional` is the paper's, for maps; `auto` takes
            the latter wherever a latent is a map of 8 x 8 or more.
        encoder, decoder: hidden widths of `mlp`.
        classifier: hidden widths.
        dropout: probability, after every hidden layer of the classifier.
        rows: rows a domain and step.
        standardise: of the frozen latents before anything else: `dim`, `channel` or `none`. Convolutions take pictures
            as they are.
        lr: of Adam.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "jade"

    content: int = 32
    style: int = 32
    shared: bool = True
    autoencode: bool = True
    match: Match = "kl"
    matching: float = 1.0
    label: float = 1.0
    bound: float = 1.0
    variance: float = 0.1
    network: Network = "mlp"
    encoder: tuple[int, ...] = (256, 256)
    decoder: tuple[int, ...] = (256, 256)
    classifier: tuple[int, ...] = (256,)
    dropout: float = 0.2
    rows: int = 100
    standardise: Literal["none", "dim", "channel"] = "dim"
    lr: float = 1e-3
    steps: int = 2_000

    def __post_init__(self) -> None:
        self.check_at_least(1, "content", "style", "rows", "steps")
        self.check_at_least(0, "matching", "label", "bound")
        self.check_positive("variance", "lr")
        self.check_widths("encoder", "decoder", "classifier")
        self.check_share("dropout")
        self.check_one_of("match", Match)
        self.check_one_of("network", Network)
        self.check(self.match == "off" or self.autoencode, "match", "off where contents are points (autoencode=False)")

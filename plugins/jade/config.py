"""Settings of JADE."""

from dataclasses import dataclass
from typing import Literal, get_args

from unbraid.core.errors import ConfigError

Match = Literal["off", "kl", "symmetric_kl", "class_moment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JADEConfig:
    """Settings of JADE; the defaults are the `default` preset.

    Args:
        content, style: numbers in the two factors of each domain.
        shared: one classifier for both domains, or one each.
        autoencode: whether there are style factors, priors and decoders; without them contents are points, and what is
            left is one or two classifiers.
        match: how content posteriors of one class meet across domains: KL from the first domain to the second as
            printed (`kl`), the mean of both directions (`symmetric_kl`), the same KL between one Gaussian a class and
            domain with the moments of its rows (`class_moment`), or not at all (`off`).
        matching: weight of that.
        ramp: steps over which that weight rises from 0, linearly; 0 is none. Nobody printed one. Contents that say
            nothing of the class yet are matched by being equal for all classes, and stay so: labels need a few
            hundred steps before.
        label: weight of the cross-entropies.
        bound: weight of reconstruction and divergences, which are divided by the numbers of a latent. The paper does
            not say how it weighs thousands of pixels against one label.
        variance: of the Gaussian likelihood, in standardised numbers of the frozen latents.
        encoder, decoder, classifier: hidden widths.
        dropout: probability, after every hidden layer of the classifier.
        rows: rows a domain and step.
        standardise: of the frozen latents before anything else: `dim`, `channel` or `none`.
        lr: of Adam.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    content: int = 10
    style: int = 10
    shared: bool = True
    autoencode: bool = True
    match: Match = "kl"
    matching: float = 1.0
    ramp: int = 500
    label: float = 1.0
    bound: float = 1.0
    variance: float = 1.0
    encoder: tuple[int, ...] = (256, 256)
    decoder: tuple[int, ...] = (256, 256)
    classifier: tuple[int, ...] = (500, 500, 500)
    dropout: float = 0.5
    rows: int = 100
    standardise: Literal["none", "dim", "channel"] = "dim"
    lr: float = 1e-3
    steps: int = 2_000

    def __post_init__(self) -> None:
        for name in ("content", "style", "rows", "steps"):
            self._check(getattr(self, name) >= 1, name, ">= 1")
        for name in ("matching", "ramp", "label", "bound"):
            self._check(getattr(self, name) >= 0, name, ">= 0")
        for name in ("variance", "lr"):
            self._check(getattr(self, name) > 0, name, "> 0")
        for name in ("encoder", "decoder", "classifier"):
            widths = getattr(self, name)
            self._check(bool(widths) and min(widths) >= 1, name, "one or more hidden widths, each >= 1")
        self._check(0 <= self.dropout < 1, "dropout", "0 <= dropout < 1")
        self._check(self.match in get_args(Match), "match", ", ".join(get_args(Match)))
        self._check(self.match == "off" or self.autoencode, "match", "off where contents are points (autoencode=False)")

    def _check(self, good: bool, name: str, expected: str) -> None:
        if not good:
            raise ConfigError(f"jade: {name} is out of range", expected=expected, found=getattr(self, name))

"""What every method with two codes does alike: everything but its objectives."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from unbraid.core.interfaces import (
    Backbone,
    Disentangler,
    Draws,
    Factor,
    LatentSpec,
    OptimiserSpec,
    Posterior,
    SameClassPairs,
    Samples,
    only,
)
from unbraid.core.interfaces.specs import Distribution
from unbraid.core.latents import Latents
from unbraid.core.nn import PairDiscriminator, Standardise, gaussian_kl
from unbraid.core.two_codes.config import TwoCodesConfig
from unbraid.core.two_codes.networks import Codes, build_networks


class TwoCodes(Disentangler):
    """A head with a `specified` code (role content) and an `unspecified` one (role style).

    Subclasses say in `objectives` how the two come apart. Within losses everything is standardised latents.

    Args:
        config: settings.
        latent: shape of the latents.

    Raises:
        CapabilityError: the networks do not fit the latent.
    """

    #: Whether the unspecified code is Gaussian, with a standard normal prior.
    stochastic: ClassVar[bool] = True
    capabilities = frozenset({"entangle"})
    train_only = ("discriminator",)

    def __init__(self, config: TwoCodesConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.two_codes = config
        self.latent = latent
        self.steps = config.steps
        kind: Distribution = "gaussian" if self.stochastic else "point"
        self.factors = (
            Factor("specified", (config.specified,), "content", label="content"),
            Factor("unspecified", (config.unspecified,), "style", distribution=kind),
        )
        self.standardise = Standardise(latent, "none" if latent.is_picture else config.standardise)
        self.encoder, self.decoder = build_networks(config, latent, stochastic=self.stochastic)
        self.discriminator: PairDiscriminator | None = None  # made by the objectives that need it: it may see pictures
        self._discriminator_seed = int(torch.randint(2**31, (), device="cpu"))

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation."""
        self.standardise.fit(only(latents))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into `specified` and the mean of `unspecified`."""
        return {name: each.mean for name, each in self.posterior(z).items()}

    def posterior(self, z: Tensor) -> dict[str, Posterior]:
        """Give `specified`, a point, and `unspecified`, a diagonal Gaussian where the method has one."""
        codes = self.codes(self.standardise(z))
        return {"specified": Posterior(codes.specified), "unspecified": codes.unspecified}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put the codes back together to latents `(B, *latent)`."""
        return self.restored(self.decoder(factors["unspecified"], factors["specified"]))

    def codes(self, standardised: Tensor) -> Codes:
        """Encode standardised latents `(B, *latent)`."""
        found: Codes = self.encoder(standardised)
        return found

    def restored(self, standardised: Tensor) -> Tensor:
        """Give latents as the backbone knows them."""
        return self.standardise.inverse(standardised)

    def with_prior(self, specified: Tensor, draws: Draws, n: int) -> Tensor:
        """Decode specified codes with `n` draws of the prior, repeated until there is one for each."""
        prior = draws.normal(n, self.two_codes.unspecified)
        decoded: Tensor = self.decoder(prior.repeat(len(specified) // n, 1).to(specified), specified)
        return decoded

    def divergence(self, posterior: Posterior) -> Tensor:
        """Give the mean divergence from the prior, in nats a number of the latent; a scalar.

        Divided as in the authors' code, where a latent is a picture: it so stands beside a mean squared error.
        """
        assert posterior.log_variance is not None
        return gaussian_kl(posterior.mean, posterior.log_variance).mean() / self.latent.width

    def shown(self, standardised: Tensor, backbone: Backbone) -> Tensor:
        """Give what the pair discriminator sees of latents: themselves, or what the frozen decoder makes of them.

        Pictures are always decoded, real ones too: next to data it would learn the decoder's blur.
        """
        if self.two_codes.discriminate == "latent":
            return standardised
        return backbone.decode(self.restored(standardised))

    def against(self, backbone: Backbone) -> PairDiscriminator:
        """Give the pair discriminator; the first call makes it."""
        if self.discriminator is None:
            seen = self.latent.shape if self.two_codes.discriminate == "latent" else backbone.info.input.shape
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(self._discriminator_seed)
                self.discriminator = PairDiscriminator(seen).to(next(self.parameters()))
        return self.discriminator

    @property
    def same_class(self) -> SameClassPairs:
        """A batch of pairs that share their class."""
        return SameClassPairs(self.two_codes.pairs)

    @property
    def rows(self) -> Samples:
        """A batch of rows of any class."""
        return Samples(self.two_codes.pairs)

    @property
    def optimiser(self) -> OptimiserSpec:
        """Adam with the settings; each objective has one of its own."""
        return OptimiserSpec("adam", lr=self.two_codes.lr, betas=self.two_codes.betas)

    @property
    def deceiving_optimiser(self) -> OptimiserSpec:
        """The same for those who deceive the pair discriminator."""
        return replace(self.optimiser, lr=self.two_codes.deception_lr)

    @property
    def networks(self) -> Sequence[torch.nn.Module]:
        """Encoder and decoder, what heads keep."""
        return (self.encoder, self.decoder)

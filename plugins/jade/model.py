"""The head of JADE, and its view of one domain."""

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from unbraid.core.errors import LabelError, UnknownNameError
from unbraid.core.interfaces import (
    Backbone,
    Disentangler,
    Factor,
    LabelSpec,
    LatentSpec,
    Objective,
    Posterior,
    only,
)
from unbraid.core.latents import Latents
from unbraid.core.nn import MLP, Standardise, initialise, misfit, require_narrow, takes_convolutions
from unbraid.plugins.jade.config import JADEConfig
from unbraid.plugins.jade.losses import Joint
from unbraid.plugins.jade.networks import SMALLEST, convolutional_decoder, convolutional_encoder

#: Log-variances are kept between these: a content that is all but a point in one domain would make the divergence of the
#: other from it explode.
LOG_VARIANCES = (-6.0, 2.0)


class Domain(Disentangler):
    """One domain of JADE: its encoder and decoder, and the classifier, which it may share.

    Args:
        config: settings.
        latent: shape of the frozen latents.
        classifier: contents `(B, content)` -> logits `(B, C)`.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks, or convolutions are asked for and do not
            fit it.
    """

    def __init__(self, config: JADEConfig, latent: LatentSpec, classifier: nn.Module) -> None:
        super().__init__()
        convolves = takes_convolutions(config.network, latent, SMALLEST, by="jade")
        if not convolves:
            require_narrow(latent, by="jade")
        self.config = config
        self.latent = latent
        #: Whether the likelihood is Bernoulli, of pictures; `join` then gives its logits.
        self.bernoulli = convolves and latent.is_picture
        self.steps = config.steps
        self.factors = _factors(config)
        self.capabilities = frozenset({"classify", "entangle"} if config.autoencode else {"classify"})
        widths = sum(factor.width for factor in self.factors)
        outputs = 2 * widths if config.autoencode else widths
        self.standardise = Standardise(latent, "none" if self.bernoulli else config.standardise)
        self.encoder = (
            convolutional_encoder(latent, outputs)
            if convolves
            else MLP((latent.width, *config.encoder, outputs), norm_first=False)
        )
        self.classifier = classifier
        if config.autoencode:
            self.decoder = (
                convolutional_decoder(latent, widths)
                if convolves
                else MLP((widths, *config.decoder, latent.width), norm_first=False)
            )

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation."""
        self.standardise.fit(only(latents))

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into the means of `content` and, where it is autoencoded, `style`."""
        return {name: posterior.mean for name, posterior in self.posterior(z).items()}

    def posterior(self, z: Tensor) -> dict[str, Posterior]:
        """Give the Gaussian factors with their log-variances; a point where nothing is autoencoded."""
        return self.read(self.standardised(z))

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put content and style together to latents `(B, *latent)`; the content may be that of the other domain."""
        if not self.config.autoencode:
            raise self.lacks("entangle")
        made = self.join(factors["content"], factors["style"])
        return self.standardise.inverse((made.sigmoid() if self.bernoulli else made).view(-1, *self.latent.shape))

    def classify(self, z: Tensor) -> Tensor:
        """Give class logits `(B, C)` from the mean of the content."""
        logits: Tensor = self.classifier(self.posterior(z)["content"].mean)
        return logits

    def standardised(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as the networks see them, `(B, D)`."""
        flat: Tensor = self.standardise(z)
        return flat.flatten(1)

    def read(self, standardised: Tensor) -> dict[str, Posterior]:
        """Give the factors of standardised latents `(B, D)`."""
        encoded: Tensor = self.encoder(standardised)
        if not self.config.autoencode:
            return {"content": Posterior(encoded)}
        content = self.config.content
        mean, log_variance = encoded.chunk(2, 1)
        kept = log_variance.clamp(*LOG_VARIANCES)
        return {
            "content": Posterior(mean[:, :content], kept[:, :content]),
            "style": Posterior(mean[:, content:], kept[:, content:]),
        }

    def join(self, content: Tensor, style: Tensor) -> Tensor:
        """Give the standardised latents `(B, D)` of contents and styles; logits of them where those are Bernoulli."""
        made: Tensor = self.decoder(torch.cat([content, style], 1))
        return made

    def misfit(self, standardised: Tensor, made: Tensor) -> Tensor:
        """Give the negative log-likelihood of latents `(B, D)`, summed over D, of what `join` made: `(B,)`."""
        return misfit(standardised, made, variance=self.config.variance, bernoulli=self.bernoulli)


class JADE(Disentangler):
    """Joint autoencoders for disentanglement (Banijamali et al. 2017) of two domains' latents.

    Both domains have the same classes. Each has an encoder and a decoder of its own; one classifier reads the `content`
    of either, and contents of one class are drawn together across domains. `style` is what else a domain needs. Verbs,
    evaluation and export are those of one domain: `domain(name)`.

    Args:
        config: settings.
        latents: domain -> shape of its latents, two of them; the first is where the divergence of `kl` starts.
        classes: that both share.

    >>> head = JADE(JADEConfig(content=4, style=3), {"a": LatentSpec((16,)), "b": LatentSpec((8,))}, classes=10)
    >>> {name: tuple(f.shape) for name, f in head.domain("b").disentangle(torch.zeros(2, 8)).items()}
    {'content': (2, 4), 'style': (2, 3)}
    """

    def __init__(self, config: JADEConfig, latents: Mapping[str, LatentSpec], classes: int) -> None:
        super().__init__()
        self.config = config
        self.classes = classes
        self.steps = config.steps
        self.domains = tuple(latents)
        shared = _classifier(config, classes)
        self.parts = nn.ModuleDict(
            {
                name: Domain(config, latent, shared if config.shared else _classifier(config, classes))
                for name, latent in latents.items()
            }
        )
        self.factors = _factors(config)
        initialise(self, "glorot")

    @classmethod
    def build(cls, config: JADEConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head for the classes of the content label.

        Raises:
            LabelError: the data have no content label.
        """
        if "content" not in labels:
            raise LabelError("jade needs classes", expected="a content label", found=", ".join(labels) or "no labels")
        return cls(config, latents, labels["content"].count)

    def domain(self, name: str) -> Domain:
        """Give the view of one domain; it has the head's own networks.

        Raises:
            UnknownNameError: no such domain.
        """
        if name not in self.domains:
            raise UnknownNameError("domain", name, self.domains)
        part = self.parts[name]
        assert isinstance(part, Domain)
        return part

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation of each domain.

        Raises:
            LabelError: the domains have different classes.
        """
        for name, training in latents.items():
            if training.classes.get("content") != self.classes:
                raise LabelError(
                    "jade joins domains with the same classes",
                    expected=f"{self.classes} classes of content in each",
                    found=f"{training.classes.get('content')} in {name}",
                )
            self.domain(name).prepare({name: training})

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the joint loss."""
        return (Joint(self).objective(),)


def _factors(config: JADEConfig) -> tuple[Factor, ...]:
    if not config.autoencode:
        return (Factor("content", (config.content,), "content", label="content"),)
    return (
        Factor("content", (config.content,), "content", label="content", distribution="gaussian"),
        Factor("style", (config.style,), "style", distribution="gaussian"),
    )


def _classifier(config: JADEConfig, classes: int) -> nn.Module:
    """Make the classifier; dropout follows every hidden layer, so that no number of the content is ever dropped."""
    first, *others = config.classifier
    above = MLP((first, *others, classes), norm_first=False, dropout=config.dropout, slope=0.0)
    return nn.Sequential(nn.Linear(config.content, first), nn.ReLU(), above)

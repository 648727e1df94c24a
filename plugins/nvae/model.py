"""The head of N-VAE."""

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from unbraid.core.errors import CapabilityError, LabelError
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
from unbraid.core.nn import MLP, Standardise, initialise
from unbraid.plugins.nvae.config import NVAEConfig
from unbraid.plugins.nvae.gate import ClassGate
from unbraid.plugins.nvae.losses import Bound

#: Numbers of a latent above which fully connected networks are out of place.
MAX_WIDTH = 4096
#: How far below the lowest logit those of classes without training rows are: a share of 1e-13.
UNSEEN = 30.0


class NVAE(Disentangler):
    """A variational autoencoder of latents with natural clustering (after Antoran and Miguel 2019, arXiv:1901.09415).

    `class` is q(y|x); `shared` means the same in every class; `class_dependent` is read by each class in its own way,
    through a gate, and goes where style goes. The full text of the paper was not at hand: the model and its objective
    follow the authors' slides, sizes and weights are ours.

    Args:
        config: settings.
        latent: shape of the frozen latents; maps are flattened.
        classes: of the data set.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks.

    >>> head = NVAE(NVAEConfig(shared=3, class_dependent=2), LatentSpec((16,)), classes=10)
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(4, 16)).items()}
    {'class': (4, 10), 'shared': (4, 3), 'class_dependent': (4, 2)}
    """

    capabilities = frozenset({"entangle", "classify", "sample"})
    seen: Tensor

    def __init__(self, config: NVAEConfig, latent: LatentSpec, classes: int) -> None:
        super().__init__()
        _check_width(latent)
        self.config = config
        self.latent = latent
        self.steps = config.steps
        widths = (config.shared, config.class_dependent)
        self.factors = (
            Factor("class", (classes,), "content", "content", "categorical"),
            Factor("shared", (widths[0],), "style", distribution="gaussian"),
            Factor("class_dependent", (widths[1],), "style", distribution="gaussian"),
        )
        dim = latent.width
        self.standardise = Standardise(latent, config.standardise)
        # no batch norm: rows that are decoded as every class would spoil the statistics
        self.encoder = MLP((dim, *config.trunk, 2 * sum(widths)), norm_first=False)
        self.classifier = MLP((dim, *config.classifier, classes), norm_first=False)
        self.decoder = MLP((2 * widths[1] + widths[0], *config.decoder, dim), norm_first=False)
        self.gate = ClassGate(classes, widths[1], tied=config.tie_gate)
        self.register_buffer("seen", torch.ones(classes, dtype=torch.bool))
        self.partial = False  # whether training rows miss labels; `prepare` knows
        initialise(self, "glorot")

    @classmethod
    def build(cls, config: NVAEConfig, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head for the classes of the content label.

        Raises:
            LabelError: the data have no content label.
        """
        if "content" not in labels:
            raise LabelError("nvae needs classes", expected="a content label", found=", ".join(labels) or "no labels")
        return cls(config, only(latents), labels["content"].count)

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation, and see which classes have training rows and whether labels are missing.

        Raises:
            LabelError: no training row has a label.
        """
        training: Latents = only(latents)
        self.standardise.fit(training)
        labels = training.label("content")
        self.partial = bool((labels < 0).any())
        counts = labels[labels >= 0].bincount(minlength=len(self.seen))
        if not counts.any():
            raise LabelError(
                "nvae needs some labels", expected="training rows with a content label", found="none, all are missing"
            )
        self.seen.copy_(counts > 0)

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the negative bound."""
        return (Bound(self, self.seen.nonzero().flatten(), partial=self.partial).objective(),)

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into class probabilities `(B, C)` and the means of the two Gaussian factors."""
        return {name: posterior.mean for name, posterior in self.posterior(z).items()}

    def posterior(self, z: Tensor) -> dict[str, Posterior]:
        """Give q(y|x) as a point, and the two Gaussian factors with their log-variances."""
        x = self.standardised(z)
        shared, dependent = self.read(x)
        return {"class": Posterior(self.logits(x).softmax(1)), "shared": shared, "class_dependent": dependent}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put class probabilities and latents together to frozen latents `(B, *latent)`.

        Training shows one class at a time; probabilities in between take the mean of the classes' gates.
        """
        made = self.join(factors["class"], factors["shared"], factors["class_dependent"])
        return self.standardise.inverse(made.view(-1, *self.latent.shape))

    def classify(self, z: Tensor) -> Tensor:
        """Give the logits of q(y|x), `(B, C)`; classes without training rows come last."""
        return self.logits(self.standardised(z))

    def sample(self, noise: Tensor) -> dict[str, Tensor]:
        """Draw factors of the prior: a class, uniformly from those with training rows, and latents.

        Args:
            noise: standard normal `(B, C + S + L)`. The first C numbers draw the class by the largest of them, so
                noise of any scale draws classes alike: `1.4 * noise` widens the latents alone.

        Returns:
            One-hot `class` `(B, C)`, `shared` `(B, S)` and `class_dependent` `(B, L)`.
        """
        draw, shared, dependent = torch.split(noise, [factor.width for factor in self.factors], 1)
        drawn = draw.masked_fill(~self.seen, float("-inf")).argmax(1)
        return {
            "class": F.one_hot(drawn, draw.shape[1]).to(noise),
            "shared": shared,
            "class_dependent": dependent,
        }

    def standardised(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as the networks see them, `(B, D)`."""
        flat: Tensor = self.standardise(z)
        return flat.flatten(1)

    def read(self, standardised: Tensor) -> tuple[Posterior, Posterior]:
        """Give the posteriors of the shared and the class-dependent latents; they do not see the class."""
        widths = [factor.width for factor in self.factors[1:]]
        means, log_variances = self.encoder(standardised).chunk(2, 1)
        first, second = zip(means.split(widths, 1), log_variances.split(widths, 1), strict=True)
        return Posterior(*first), Posterior(*second)

    def logits(self, standardised: Tensor) -> Tensor:
        """Give class logits `(B, C)` of standardised latents `(B, D)`."""
        logits: Tensor = self.classifier(standardised)
        return torch.where(self.seen, logits, logits.detach().amin(1, keepdim=True) - UNSEEN)

    def join(self, probabilities: Tensor, shared: Tensor, dependent: Tensor) -> Tensor:
        """Give the mean of p(x|y, z), `(..., D)`, of class probabilities `(..., C)` and latents `(..., S)`, `(..., L)`."""
        made: Tensor = self.decoder(torch.cat([self.gate(probabilities, dependent), shared], -1))
        return made

    def misfit(self, standardised: Tensor, made: Tensor) -> Tensor:
        """Give -log p(x|y, z) up to a constant: the squared error over dimensions by twice the variance, `(...)`."""
        return (standardised - made).square().sum(-1) / (2 * self.config.variance)


def _check_width(latent: LatentSpec) -> None:
    if latent.width > MAX_WIDTH:
        raise CapabilityError(
            "nvae flattens latents, and this one is too wide for fully connected networks",
            expected=f"at most {MAX_WIDTH} numbers",
            found=f"{' x '.join(map(str, latent.shape))} = {latent.width}",
            hint="tap the backbone at a narrower layer, or use smaller images",
        )

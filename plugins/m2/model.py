"""The head of M2."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from unbraid.core.interfaces import Backbone, LatentSpec, Objective, Posterior
from unbraid.core.nn import MLP, ClassHead, gaussian_kl, initialise, misfit
from unbraid.core.nn.labelled import one_hot
from unbraid.plugins.m2.config import M2Config
from unbraid.plugins.m2.losses import Bound


class M2(ClassHead):
    """The semi-supervised model M2 of latents (Kingma et al. 2014, arXiv:1406.5298).

    `class` is q(y|x); `style` is q(z|x, y), read beside the class, which it therefore need not hold. On the latent of a
    frozen VAE this is the paper's M1+M2.

    Args:
        config: settings.
        latent: shape of the frozen latents; maps are flattened.
        classes: of the data set.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks.

    >>> head = M2(M2Config(style=3), LatentSpec((16,)), classes=10)
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(4, 16)).items()}
    {'class': (4, 10), 'style': (4, 3)}
    """

    method = "m2"

    def __init__(self, config: M2Config, latent: LatentSpec, classes: int) -> None:
        super().__init__(latent, classes, gaussian={"style": config.style}, standardise=config.standardise)
        self.config = config
        self.steps = config.steps
        # no batch norm: rows that are read as every class would spoil the statistics
        self.encoder = MLP((latent.width + classes, *config.encoder, 2 * config.style), norm_first=False)
        self.classifier = MLP((latent.width, *config.classifier, classes), norm_first=False)
        self.decoder = MLP((classes + config.style, *config.decoder, latent.width), norm_first=False)
        initialise(self, "glorot")

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the negative bound."""
        return (Bound(self).objective(),)

    def posterior(self, z: Tensor) -> dict[str, Posterior]:
        """Give q(y|x) as a point, and q(z|x, y) of its most likely class."""
        x = self.standardised(z)
        logits = self.logits(x)
        return {"class": Posterior(logits.softmax(1)), "style": self.read(x, one_hot(logits.argmax(1), logits))}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put class probabilities and style together to frozen latents `(B, *latent)`.

        Training shows one class at a time.
        """
        return self.restored(self.join(factors["class"], factors["style"]))

    def read(self, standardised: Tensor, probabilities: Tensor) -> Posterior:
        """Give q(z|x, y) of latents `(B, D)` and one-hot classes `(B, C)`, `(B, S)`."""
        mean, log_variance = self.encoder(torch.cat([standardised, probabilities], 1)).chunk(2, 1)
        return Posterior(mean, log_variance)

    def join(self, probabilities: Tensor, style: Tensor) -> Tensor:
        """Give the mean of p(x|y, z), `(B, D)`, of classes `(B, C)` and styles `(B, S)`."""
        made: Tensor = self.decoder(torch.cat([probabilities, style], 1))
        return made

    def bound(self, standardised: Tensor, probabilities: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the two parts of -L(x, y) for classes that are taken as given.

        Args:
            standardised: latents `(B, D)`.
            probabilities: one-hot classes `(B, C)`.
            noise: standard normal `(B, S)`.

        Returns:
            -log p(x|y, z) up to a constant, and KL(q(z|x, y) || N(0, 1)), both in nats, `(B,)`.
        """
        style = self.read(standardised, probabilities)
        assert style.log_variance is not None
        made = self.join(probabilities, style.sample(noise))
        return (
            misfit(standardised, made, variance=self.config.variance),
            gaussian_kl(style.mean, style.log_variance),
        )

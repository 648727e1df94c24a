"""The head of N-VAE."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from unbraid.core.interfaces import Backbone, LabelSpec, LatentSpec, Objective, Picture, Posterior
from unbraid.core.latents import Latents
from unbraid.core.nn import ClassHead, initialise, misfit, takes_convolutions
from unbraid.plugins.nvae.config import NVAEConfig
from unbraid.plugins.nvae.gate import ClassGate
from unbraid.plugins.nvae.losses import Bound
from unbraid.plugins.nvae.networks import SMALLEST, convolutional, fully_connected
from unbraid.plugins.nvae.pictures import draw_pictures


class NVAE(ClassHead):
    """A variational autoencoder of latents with natural clustering (after Antoran and Miguel 2019, arXiv:1901.09415).

    `class` is q(y|x); `shared` means the same in every class; `class_dependent` is read by each class in its own way,
    through a gate, and goes where style goes. The full text of the paper was not at hand: the model and its objective
    follow the authors' slides, sizes and weights are ours.

    Args:
        config: settings.
        latent: shape of the frozen latents; maps are flattened.
        classes: of the data set.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks, or convolutions are asked for and do not
            fit it.

    >>> head = NVAE(NVAEConfig(shared=3, class_dependent=2), LatentSpec((16,)), classes=10)
    >>> {name: tuple(f.shape) for name, f in head.disentangle(torch.zeros(4, 16)).items()}
    {'class': (4, 10), 'shared': (4, 3), 'class_dependent': (4, 2)}
    """

    method = "nvae"

    def __init__(self, config: NVAEConfig, latent: LatentSpec, classes: int) -> None:
        convolves = takes_convolutions(config.network, latent, SMALLEST, by=self.method)
        bernoulli = convolves and latent.is_picture
        super().__init__(
            latent,
            classes,
            gaussian={"shared": config.shared, "class_dependent": config.class_dependent},
            standardise="none" if bernoulli else config.standardise,
            dense=not convolves,
        )
        #: Whether p(x|y, z) is Bernoulli, of pictures; `join` then gives its logits.
        self.bernoulli = bernoulli
        self.config = config
        self.steps = config.steps
        self.trunk, self.encoder, self.classifier, self.decoder = (
            convolutional(config, latent, classes) if convolves else fully_connected(config, latent.width, classes)
        )
        self.gate = ClassGate(classes, config.class_dependent, tied=config.tie_gate)
        initialise(self, "glorot")

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the negative bound."""
        return (Bound(self, self.classes, partial=self.partial).objective(),)

    def posterior(self, z: Tensor) -> dict[str, Posterior]:
        """Give q(y|x) as a point, and the two Gaussian factors with their log-variances."""
        features = self.trunk(self.standardised(z))
        shared, dependent = self.read(features)
        return {"class": Posterior(self.logits(features).softmax(1)), "shared": shared, "class_dependent": dependent}

    def classify(self, z: Tensor) -> Tensor:
        """Give the logits of q(y|x), `(B, C)`; classes without training rows come last."""
        return self.logits(self.trunk(self.standardised(z)))

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put class probabilities and latents together to frozen latents `(B, *latent)`.

        Training shows one class at a time; probabilities in between take the mean of the classes' gates.
        """
        made = self.join(factors["class"], factors["shared"], factors["class_dependent"])
        return self.restored(made.sigmoid() if self.bernoulli else made)

    def pictures(
        self, latents: Latents, labels: Mapping[str, LabelSpec], decode: Callable[[Tensor], Tensor] | None
    ) -> Sequence[Picture]:
        """Draw which class uses which latent and, behind a decoder, walks along those that are used most."""
        return draw_pictures(self, latents, labels["content"].classes, decode)

    def read(self, features: Tensor) -> tuple[Posterior, Posterior]:
        """Give the posteriors of the shared and the class-dependent latents; they do not see the class.

        Args:
            features: what the trunk makes of standardised latents; without convolutions these themselves.
        """
        widths = [factor.width for factor in self.factors[1:]]
        means, log_variances = self.encoder(features).chunk(2, 1)
        first, second = zip(means.split(widths, 1), log_variances.split(widths, 1), strict=True)
        return Posterior(*first), Posterior(*second)

    def join(self, probabilities: Tensor, shared: Tensor, dependent: Tensor) -> Tensor:
        """Decode class probabilities `(B, C)` and latents `(B, S)`, `(B, L)`.

        Returns:
            The mean of p(x|y, z), `(B, D)`; its logits where it is Bernoulli.
        """
        made: Tensor = self.decoder(torch.cat([self.gate(probabilities, dependent), shared], 1))
        return made

    def misfit(self, standardised: Tensor, made: Tensor) -> Tensor:
        """Give -log p(x|y, z), summed over dimensions, of what `join` made: `(..., D)` -> `(...)`."""
        return misfit(standardised, made, variance=self.config.variance, bernoulli=self.bernoulli)

"""What every head with a classifier of a closed set of classes does alike: everything but its networks and losses."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unbraid.core.errors import LabelError
from unbraid.core.interfaces import Disentangler, Factor, LabelSpec, LatentSpec, only
from unbraid.core.latents import Latents
from unbraid.core.nn.labelled import lower_unseen, seen_classes
from unbraid.core.nn.latent_view import require_narrow
from unbraid.core.nn.standardise import Standardise, StandardiseMode

# Shapes: B rows, C classes of the data set, D numbers of a frozen latent.


class ClassHead(Disentangler):
    """A head with a factor `class`, q(y|x), and Gaussian factors beside it; labels may be missing.

    Subclasses make the networks, among them `classifier`, `(B, D)` -> `(B, C)`. Within losses everything is
    standardised latents. Classes without labelled training rows are never chosen.

    Args:
        latent: shape of the frozen latents; maps are flattened.
        classes: of the data set.
        gaussian: name -> width of the other factors, all of role style with a standard normal prior.
        standardise: how latents are standardised.
        dense: whether fully connected networks see the latent, which must then be narrow.

    Raises:
        CapabilityError: the latent is too wide for fully connected networks.
    """

    #: Name of the method, for messages.
    method: ClassVar[str]
    capabilities = frozenset({"entangle", "classify", "sample"})
    classifier: nn.Module
    seen: Tensor

    def __init__(
        self,
        latent: LatentSpec,
        classes: int,
        *,
        gaussian: Mapping[str, int],
        standardise: StandardiseMode,
        dense: bool = True,
    ) -> None:
        super().__init__()
        if dense:
            require_narrow(latent, by=self.method)
        self.latent = latent
        self.factors = (
            Factor("class", (classes,), "content", "content", "categorical"),
            *(Factor(name, (width,), "style", distribution="gaussian") for name, width in gaussian.items()),
        )
        self.standardise = Standardise(latent, standardise)
        self.register_buffer("seen", torch.ones(classes, dtype=torch.bool))
        self.partial = False  # whether training rows miss labels; `prepare` knows

    @classmethod
    def build(cls, config: Any, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head, `cls(config, latent, classes)`, for the classes of the content label.

        Raises:
            LabelError: the data have no content label.
        """
        if "content" not in labels:
            found = ", ".join(labels) or "no labels"
            raise LabelError(f"{cls.method} needs classes", expected="a content label", found=found)
        make = cast("Callable[..., Self]", cls)  # constructors of subclasses take other arguments
        return make(config, only(latents), labels["content"].count)

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Fit the standardisation, and see which classes have labelled rows and whether labels are missing.

        Raises:
            LabelError: no training row has a label.
        """
        training: Latents = only(latents)
        self.standardise.fit(training)
        label = training.label("content")
        self.seen.copy_(seen_classes(label, len(self.seen), by=self.method))
        self.partial = bool((label < 0).any())

    @property
    def classes(self) -> Tensor:
        """The K classes that have labelled training rows, `(K,)`."""
        return self.seen.nonzero().flatten()

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into class probabilities `(B, C)` and the means of the Gaussian factors."""
        return {name: posterior.mean for name, posterior in self.posterior(z).items()}

    def classify(self, z: Tensor) -> Tensor:
        """Give the logits of q(y|x), `(B, C)`; classes without training rows come last."""
        return self.logits(self.standardised(z))

    def sample(self, noise: Tensor) -> dict[str, Tensor]:
        """Draw factors of the prior: a class, uniformly from those with training rows, and latents.

        Args:
            noise: standard normal, `(B, C + widths of the other factors)`. The first C numbers draw the class by the
                largest of them, so noise of any scale draws classes alike: `1.4 * noise` widens the latents alone.

        Returns:
            One-hot `class` `(B, C)`, and the other factors.
        """
        draw, *gaussian = torch.split(noise, [factor.width for factor in self.factors], 1)
        drawn = draw.masked_fill(~self.seen, float("-inf")).argmax(1)
        names = [factor.name for factor in self.factors[1:]]
        return {"class": F.one_hot(drawn, draw.shape[1]).to(noise), **dict(zip(names, gaussian, strict=True))}

    def standardised(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as the networks see them, `(B, D)`."""
        flat: Tensor = self.standardise(z)
        return flat.flatten(1)

    def restored(self, standardised: Tensor) -> Tensor:
        """Give standardised latents `(B, D)` as the backbone knows them, `(B, *latent)`."""
        return self.standardise.inverse(standardised.view(-1, *self.latent.shape))

    def logits(self, standardised: Tensor) -> Tensor:
        """Give class logits `(B, C)` of standardised latents `(B, D)`."""
        return lower_unseen(self.classifier(standardised), self.seen)

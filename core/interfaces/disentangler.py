"""A method's network: it splits a latent into named factors and, where it can, puts them back together."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from unbraid.core.errors import CapabilityError
from unbraid.core.interfaces.backbone import Backbone
from unbraid.core.interfaces.graph import Graph
from unbraid.core.interfaces.objective import Objective
from unbraid.core.interfaces.picture import Picture
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.interfaces.specs import Factor, LabelSpec, LatentSpec

if TYPE_CHECKING:
    from unbraid.core.latents import Latents


class Disentangler(nn.Module):
    """Base class of every method.

    A subclass says what its `factors` are and how to `disentangle`; all else has a default. Networks take latents
    as the backbone gives them: a head that wants standardised latents keeps the statistics itself (`Standardise`).
    """

    #: What `disentangle` gives, in order. Set by the constructor.
    factors: tuple[Factor, ...] = ()
    #: What it can do beyond `disentangle`: `entangle`, `sample`, `classify`, `score`.
    capabilities: frozenset[str] = frozenset()
    #: Sub-modules and buffers kept in checkpoints, never in heads or graphs.
    train_only: tuple[str, ...] = ()
    #: What "best" and early stopping look at, on validation classes: `loss`, `few_shot`, `reconstruction` or `none`.
    monitor: str = "loss"
    #: Training steps a fit makes unless told otherwise.
    steps: int = 1000

    @classmethod
    def build(cls, config: Any, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec]) -> Self:
        """Make an untrained head; `cls(config, latent)` unless the method joins domains or depends on the labels.

        Args:
            config: the method's own frozen dataclass.
            latents: domain -> shape of its latents; one domain named `default` for ordinary methods.
            labels: role (`content`, `style`, an attribute) -> label, empty where the method does not ask for classes.
        """
        return cls(config, only(latents))

    def prepare(self, latents: "Mapping[str, Latents]") -> None:
        """Look at the training latents before the first step: statistics, initialisation, closed-form fits."""

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give the losses in the order a training step walks them; none for a method without training."""
        return ()

    def finish(self, latents: "Mapping[str, Latents]") -> None:
        """Look at the training latents after the last step, say to re-estimate batch-norm statistics."""

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into the means of the factors, each `(B, *factor)`."""
        raise NotImplementedError

    def posterior(self, z: Tensor) -> dict[str, Posterior]:
        """Give the distribution of each factor; a point unless the method says otherwise."""
        return {name: Posterior(mean) for name, mean in self.disentangle(z).items()}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put factors `(B, *factor)` back together to latents `(B, *latent)`."""
        raise self.lacks("entangle")

    def classify(self, z: Tensor) -> Tensor:
        """Give class logits `(B, classes)` of the content label."""
        raise self.lacks("classify")

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        """Say how alike two content factors `(B, *factor)` are: `(B,)`, higher is more alike."""
        raise self.lacks("score")

    def sample(self, noise: Tensor) -> dict[str, Tensor]:
        """Turn standard normal noise into factors of the prior."""
        raise self.lacks("sample")

    def pictures(
        self, latents: "Latents", labels: Mapping[str, LabelSpec], decode: Callable[[Tensor], Tensor] | None
    ) -> Sequence[Picture]:
        """Draw what only this method has to show; reports print it. None unless the method says otherwise.

        Called in evaluation mode and without gradients.

        Args:
            latents: of samples the head was not trained on, where there are any, with their labels; 2,000 at most.
            labels: role -> label, for the names of classes.
            decode: latents `(B, *latent)` -> pictures `(B, C, H, W)` in [0, 1]; None where the backbone cannot.
        """
        return ()

    def domain(self, name: str) -> "Disentangler":
        """Give the view of one domain; an ordinary head is its own."""
        return self

    def graphs(self) -> dict[str, Graph]:
        """Give the graphs export writes; one for each thing it can do; a method may add some."""
        shapes = {factor.name: factor.shape for factor in self.factors}
        graphs = {"disentangle": Graph(_Disentangle(self), {"latent": self.latent.shape}, shapes)}
        if "entangle" in self.capabilities:
            graphs["entangle"] = Graph(_Entangle(self), shapes, {"latent": self.latent.shape})
        if "score" in self.capabilities:
            content = self.factor("content")
            inputs = {"first": content.shape, "second": content.shape}
            graphs["score"] = Graph(_Score(self), inputs, {"score": ()})
        if "classify" in self.capabilities:
            graphs["classify"] = Graph(_Classify(self), {"latent": self.latent.shape}, {"logits": (self._classes(),)})
        return graphs

    def _classes(self) -> int:
        """Ask the network itself how many classes it tells apart."""
        tensor = next((t for t in (*self.parameters(), *self.buffers())), torch.zeros(()))
        training = self.training
        self.eval()  # two zero latents must not enter batch-norm statistics
        with torch.no_grad():
            logits = self.classify(torch.zeros(2, *self.latent.shape, device=tensor.device))
        self.train(training)
        return logits.shape[1]

    #: Shape of the latents the head was built for; set by the constructor.
    latent: LatentSpec

    def factor(self, role: str) -> Factor:
        """Give the first factor of a role.

        Raises:
            CapabilityError: the head has no such factor.
        """
        for factor in self.factors:
            if factor.role == role:
                return factor
        raise CapabilityError(
            f"{type(self).__name__} has no {role} factor",
            expected=f"a factor of role {role!r}",
            found=", ".join(f"{f.name} ({f.role})" for f in self.factors) or "no factors",
        )

    def lacks(self, capability: str) -> CapabilityError:
        """Make the error for a capability the head does not have."""
        return CapabilityError(
            f"{type(self).__name__} cannot {capability}",
            expected=f"capability {capability!r}",
            found=", ".join(sorted(self.capabilities)) or "disentangle only",
            hint="choose a method that can: unbraid list methods",
        )

    def head_state(self) -> dict[str, Tensor]:
        """Give the tensors that heads and graphs keep: the state without the `train_only` parts."""
        left_out = tuple(f"{name}." for name in self.train_only)
        return {k: v for k, v in self.state_dict().items() if not f"{k}.".startswith(left_out)}


class _Disentangle(nn.Module):
    def __init__(self, head: Disentangler) -> None:
        super().__init__()
        self.head = head

    def forward(self, latent: Tensor) -> tuple[Tensor, ...]:
        found = self.head.disentangle(latent)
        return tuple(found[factor.name] for factor in self.head.factors)


class _Entangle(nn.Module):
    def __init__(self, head: Disentangler) -> None:
        super().__init__()
        self.head = head

    def forward(self, *factors: Tensor) -> Tensor:
        names = [factor.name for factor in self.head.factors]
        return self.head.entangle(dict(zip(names, factors, strict=True)))


class _Score(nn.Module):
    def __init__(self, head: Disentangler) -> None:
        super().__init__()
        self.head = head

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.head.score(first, second)


class _Classify(nn.Module):
    def __init__(self, head: Disentangler) -> None:
        super().__init__()
        self.head = head

    def forward(self, latent: Tensor) -> Tensor:
        return self.head.classify(latent)


def only(mapping: Mapping[str, Any]) -> Any:
    """Give the one value of a mapping over domains; what a single-domain method unpacks its arguments with.

    >>> only({"default": 3})
    3
    """
    (value,) = mapping.values()
    return value

"""The head: a flow whose blocks are factors."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from unbraid import (
    Backbone,
    CapabilityError,
    Disentangler,
    Draws,
    Factor,
    Latents,
    LatentSpec,
    Losses,
    Objective,
    OptimiserSpec,
    SameClassPairs,
    Term,
    only,
)
from unbraid.core.nn import LatentView

from unbraid_iin.config import IinConfig
from unbraid_iin.flow import Flow
from unbraid_iin.losses import Coded, pair_loss

RESIDUAL = "residual"


class Iin(Disentangler):
    """An invertible interpretation network (Esser et al. 2020, arXiv 2004.13166).

    A flow turns the latent into blocks of standard normal numbers: one for each label, in which samples that share
    the label agree, and `residual` for everything else. Nothing is lost on the way, so putting factors together is the
    flow backwards. Maps are seen flattened, averaged (with a factor `rest`) or position by position.

    Args:
        config: settings.
        latent: shape of the latents.

    Raises:
        CapabilityError: the latent is too wide to be flattened, or too narrow for its blocks.
    """

    capabilities = frozenset({"entangle"})

    def __init__(self, config: IinConfig, latent: LatentSpec) -> None:
        super().__init__()
        self.config, self.latent, self.steps = config, latent, config.steps
        self.view = LatentView(latent, config.map)
        self.view.require_narrow(by="iin")
        self.blocks = _blocks(config, self.view.width)
        self.factors = (
            *(_factor(self.view, name, width, config) for name, width in self.blocks.items()),
            *self.view.rest,
        )
        self.flow = Flow(self.view.width, repeats=config.repeats, hidden=config.hidden, depth=config.depth)

    def prepare(self, latents: Mapping[str, Latents]) -> None:
        """Start the normalisations from some training latents, evenly spread over all of them."""
        training: Latents = only(latents)
        rows = torch.linspace(0, len(training) - 1, min(len(training), self.view.chunk), device=training.device)
        self.flow.start_from(self._seen(training.gather(rows.long())))

    def objectives(self, backbones: Mapping[str, Backbone]) -> Sequence[Objective]:
        """Give one loss over pairs of every label."""
        return (
            Objective(
                name="likelihood",
                batch={label: SameClassPairs(self.config.pairs, label=label) for label in self.config.labels},
                loss=self.loss,
                updates=[self.flow],
                optimiser=OptimiserSpec("adam", lr=self.config.lr, betas=(0.5, 0.9)),
            ),
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Give a term for each label, from `Pairs` that share it."""
        return {
            label: Term(pair_loss(self._coded(pairs.first), self._coded(pairs.second), label, self.config.correlation))
            for label, pairs in batch.items()
        }

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        """Split latents `(B, *latent)` into the blocks, each `(B, *factor)`, and the `rest` of pooled maps."""
        return {**self._coded(z)[0], **self.view.split(z, self.view.lay(self.view.see(z)))}

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put factors `(B, *factor)` back together to latents `(B, *latent)`."""
        codes = torch.cat([factors[name] for name in self.blocks], 1).movedim(1, -1)
        return self.view.join(self.view.lay(self.flow.inverse(codes).movedim(-1, 1)), factors)

    def _coded(self, z: Tensor) -> Coded:
        codes, volume = self.flow(self._seen(z))
        parts = codes.movedim(-1, 1).split(list(self.blocks.values()), 1)
        return dict(zip(self.blocks, parts, strict=True)), volume

    def _seen(self, z: Tensor) -> Tensor:
        """Give what the flow takes: numbers last."""
        return self.view.see(z).movedim(1, -1)


def _blocks(config: IinConfig, width: int) -> dict[str, int]:
    """Give the width of each block, the residual first."""
    labelled = config.width or max(1, width // (len(config.labels) + 1))
    residual = width - labelled * len(config.labels)
    if residual < 1:
        raise CapabilityError(
            "iin: the latent is too narrow for its blocks",
            expected=f"more than {labelled * len(config.labels)} numbers",
            found=width,
            hint="fewer labels, or a smaller width",
        )
    return {RESIDUAL: residual, **dict.fromkeys(config.labels, labelled)}


def _factor(view: LatentView, name: str, width: int, config: IinConfig) -> Factor:
    """Declare a block: without a label for style, the residual is all that varies within a content."""
    if name == RESIDUAL:
        return view.factor(name, width, "style" if config.labels == ("content",) else "rest")
    return view.factor(name, width, "content" if name == "content" else "style", label=name)

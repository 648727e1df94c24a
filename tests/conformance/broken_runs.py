"""Methods that break a promise about how they are trained, kept and exported; the table holds all broken methods."""

import dataclasses
import random
import time

import numpy as np
import torch
from broken_methods import ALL, breaks
from torch import nn

from unbraid import Term, only
from unbraid.registry.conformance.toys.method import ToyMethod

__all__ = ["ALL"]


# -- frozen


class Meddler(ToyMethod):
    """Does something to the backbone while its loss is computed."""

    def meddle(self, backbone):
        raise NotImplementedError

    def objectives(self, backbones):
        def loss(batch, draws):
            self.meddle(only(backbones))
            return self.loss(batch, draws)

        (objective,) = super().objectives(backbones)
        return [dataclasses.replace(objective, loss=loss)]


@breaks("frozen.weights")
class Scribbles(Meddler):
    """Moves a weight of the backbone."""

    def meddle(self, backbone):
        with torch.no_grad():
            next(iter(backbone.parameters())).add_(1e-3)


@breaks("frozen.given-back")
class Holds(Meddler):
    """Freezes the backbone and never lets go."""

    def meddle(self, backbone):
        backbone.hold()


@breaks("frozen.hooks")
class LeavesHook(Meddler):
    """Leaves a hook in the backbone."""

    def meddle(self, backbone):
        backbone.encoder.register_forward_hook(lambda module, given, found: None)


@breaks("frozen.apart", "hygiene.built-whole", "saving.loads")
class Swallows(ToyMethod):
    """Takes the encoder along as a part of itself."""

    def objectives(self, backbones):
        self.encoder = only(backbones).encoder
        return super().objectives(backbones)


@breaks("frozen.two-heads", "determinism.fit", "determinism.evaluation", "resume.exact")
class SharesWeights(ToyMethod):
    """Keeps its layers in the class."""

    layers: dict = {}  # noqa: RUF012 - the mistake

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.there = self.layers.setdefault(latent.width, self.there)


# -- determinism


@breaks("determinism.seed", "determinism.fit", "resume.exact")
class SeededByClock(ToyMethod):
    """Starts from another place each time."""

    def __init__(self, config, latent):
        super().__init__(config, latent)
        clock = torch.Generator().manual_seed(time.perf_counter_ns())
        nn.init.normal_(self.there.weight, generator=clock)


@breaks("determinism.fit", "resume.exact")
class OwnDice(ToyMethod):
    """Draws what no seed governs."""

    def loss(self, batch, draws):
        (term,) = super().loss(batch, draws).values()
        return {"swap": Term(term.value * float(np.random.default_rng().uniform(0.5, 2)))}


@breaks("determinism.evaluation")
class NoInference(ToyMethod):
    """Cannot be used where nothing is recorded."""

    def disentangle(self, z):
        if torch.is_inference_mode_enabled():
            raise RuntimeError("Inference tensors cannot be saved for backward")
        return super().disentangle(z)


@breaks("determinism.global-state")
class SeedsPython(ToyMethod):
    """Seeds what is not its own."""

    def __init__(self, config, latent):
        random.seed(0)
        super().__init__(config, latent)


# -- resume, saving


@breaks("resume.exact")
class Counts(ToyMethod):
    """Counts its steps where no checkpoint sees it."""

    calls = 0

    def loss(self, batch, draws):
        self.calls += 1
        (term,) = super().loss(batch, draws).values()
        return {"swap": Term(term.value * self.calls)}


@breaks("saving.saves", "evaluation.figures", "export.exports", "hygiene.built-whole")
class CannotSave(ToyMethod):
    """Has no state to show."""

    def head_state(self):
        raise RuntimeError("not implemented")


@breaks("saving.loads")
class Forgets(ToyMethod):
    """Keeps what it learned where no file sees it."""

    shift: torch.Tensor | float = 0.0

    def finish(self, latents):
        self.shift = only(latents).z.flatten(1).mean(0) + 1

    def disentangle(self, z):
        return super().disentangle(z.flatten(1) + self.shift)


@breaks("saving.same-bytes")
class CountsSaves(ToyMethod):
    """Notes how often it was saved."""

    saves = 0

    def head_state(self):
        self.saves += 1
        return super().head_state() | {"saves": torch.tensor(float(self.saves))}


@breaks("saving.left-out")
class ShipsCritic(ToyMethod):
    """Saves its critic along."""

    train_only = ("critic",)

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.critic = nn.Linear(latent.width, 1)

    def loss(self, batch, draws):
        judged = self.critic(batch["pairs"].first.flatten(1)).square().mean()
        return {**super().loss(batch, draws), "judged": Term(judged)}

    def objectives(self, backbones):
        (objective,) = super().objectives(backbones)
        return [dataclasses.replace(objective, updates=[self])]

    def head_state(self):
        return self.state_dict()


@breaks("saving.copies")
class NoCopy(ToyMethod):
    """Gives itself for a copy."""

    def __deepcopy__(self, memo):
        return self


# -- export, evaluation


@breaks("export.exports")
class Branches(ToyMethod):
    """Decides by the values it sees."""

    def disentangle(self, z):
        if not self.training and bool((z > 1e9).any()):
            z = z / 2
        return super().disentangle(z)


@breaks("export.parity")
class OtherInExport(ToyMethod):
    """Is another one when it is exported."""

    def disentangle(self, z):
        return super().disentangle(z + 1 if torch.compiler.is_exporting() else z)


@breaks("export.untouched")
class SwitchesMode(ToyMethod):
    """Switches to training for its graphs."""

    def graphs(self):
        self.train()
        return super().graphs()


@breaks("evaluation.figures", "export.exports")
class SmallBatches(ToyMethod):
    """Gives up on more rows than training shows it."""

    def disentangle(self, z):
        if z.shape[0] > 90 and not self.training:
            raise MemoryError("too many rows")
        return super().disentangle(z)


@breaks("evaluation.verbs", "shapes.order", "export.parity")
class EverySecond(ToyMethod):
    """Gives another latent every second time."""

    calls = 0

    def entangle(self, factors):
        self.calls += 1
        return super().entangle(factors) + (0 if self.training else self.calls % 2)


# -- errors, bad input, hygiene


@breaks("errors.little-data")
class WantsMuch(ToyMethod):
    """Falls over small data."""

    def prepare(self, latents):
        torch.randperm(len(only(latents)))[:32].view(32)


@breaks("bad-input.extremes")
class Normalises(ToyMethod):
    """Divides by a norm that may be nothing."""

    def disentangle(self, z):
        return super().disentangle(z / z.flatten(1).norm(dim=1).view(-1, *[1] * (z.ndim - 1)))


@breaks("bad-input.nan")
class Swallowing(ToyMethod):
    """Makes numbers of what is none."""

    def disentangle(self, z):
        return super().disentangle(z.nan_to_num())


@breaks("hygiene.growth")
class Remembers(ToyMethod):
    """Keeps a list of everything it saw."""

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.rows = []

    def disentangle(self, z):
        if not self.training and not torch.compiler.is_exporting():
            self.rows.append(len(z))
        return super().disentangle(z)


@breaks("hygiene.built-whole", "saving.loads")
class Grows(ToyMethod):
    """Gives a buffer another shape when it sees the data."""

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.register_buffer("mean", torch.zeros(1))

    def prepare(self, latents):
        self.mean = only(latents).z.flatten(1).mean(0)

    def disentangle(self, z):
        return super().disentangle(z.flatten(1) - self.mean)

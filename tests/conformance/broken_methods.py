"""Methods that break a promise about what they are and compute; each is the toy method with one mistake."""

import dataclasses

import torch
from broken import Broken
from torch import nn

from unbraid import Factor, LatentSpec, Posterior, Term, only
from unbraid.registry import DisentanglerSpec
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.toys.method import ToyConfig, ToyMethod

ALL: dict[str, Broken] = {}


def breaks(check, *implies, config=ToyConfig, **spec):
    """Enter a class into the table as a method of supervision `labels`."""

    def enter(cls):
        def make():
            return DisentanglerSpec(
                **{
                    "name": "broken",
                    "target": hold(cls),
                    "config": hold(config),
                    "summary": cls.__name__,
                    "reference": "none",
                    "supervision": "labels",
                    **spec,
                }
            )

        ALL[check] = Broken(make=make, implies=implies)
        return cls

    return enter


# -- config and manifest


@dataclasses.dataclass
class Mutable:
    """Settings: width, lr."""

    width: int = 4
    lr: float = 1e-3

    __post_init__ = ToyConfig.__post_init__


@dataclasses.dataclass(frozen=True)
class Drifting:
    """Settings: width, lr."""

    width: int = 4
    lr: float = 1e-3

    def __post_init__(self):
        ToyConfig.__post_init__(self)
        object.__setattr__(self, "lr", self.lr / 2)


@dataclasses.dataclass(frozen=True)
class Undocumented:
    """Settings: width."""

    width: int = 4
    lr: float = 1e-3

    __post_init__ = ToyConfig.__post_init__


@dataclasses.dataclass(frozen=True)
class Unchecked:
    """Settings: width, lr."""

    width: int = 4
    lr: float = 1e-3


ALL["manifest.light"] = Broken(make=lambda: "heavy", manifest="heavy_manifest", implies=("manifest.described",))
ALL["manifest.described"] = Broken(make=lambda: "heavy", manifest="heavy_manifest", implies=("manifest.light",))
breaks("config.frozen", config=Mutable)(ToyMethod)
breaks("config.round-trips", config=Drifting)(ToyMethod)
breaks("config.documented", config=Undocumented)(ToyMethod)
breaks("errors.settings", config=Unchecked)(ToyMethod)
breaks("manifest.presets", presets={"wide": {"wdith": 8}})(ToyMethod)


@breaks("manifest.documented")
class NoDocstring(ToyMethod):
    pass


# -- contract


@breaks("contract.attaches")
class NotBuilt(ToyMethod):
    """Cannot be built."""

    def __init__(self, config, latent):
        raise ValueError("there is no config.depth")


@breaks("contract.factors")
class StrangeLabel(ToyMethod):
    """Names a label that no data set has."""

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.factors = (self.factors[0], Factor("how", (config.width,), "style", "typeface"))


@breaks("contract.latent", "shapes.entangle", "export.exports", "evaluation.verbs")
class OtherLatent(ToyMethod):
    """Remembers another latent than it was built for."""

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.latent = LatentSpec((latent.width + 1,))

    def entangle(self, factors):
        return self.back(torch.cat([factors["what"], factors["how"]], 1))


@breaks("contract.capabilities")
class Painter(ToyMethod):
    """Claims what nobody has heard of."""

    capabilities = ToyMethod.capabilities | {"paint"}


@breaks("contract.train-only")
class MisspeltCritic(ToyMethod):
    """Misspells what only trains."""

    train_only = ("critc",)


@breaks("contract.monitor")
class NegativeSteps(ToyMethod):
    """Wants fewer steps than none."""

    steps = -1


@breaks("contract.needs")
class SecretDecoder(ToyMethod):
    """Decodes without saying so."""

    def objectives(self, backbones):
        backbone = only(backbones)

        def loss(batch, draws):
            return {**self.loss(batch, draws), "pixels": Term(backbone.decode(batch["pairs"].first).mean())}

        (objective,) = super().objectives(backbones)
        return [dataclasses.replace(objective, loss=loss)]


@breaks("contract.fits", "gradients.terms")
class WrongBatch(ToyMethod):
    """Looks for a batch it did not ask for."""

    def loss(self, batch, draws):
        return super().loss({"pairs": batch["rows"]}, draws)


breaks("contract.supervision", supervision="none")(ToyMethod)


# -- shapes


@breaks("shapes.disentangle", "export.parity")
class OtherOrder(ToyMethod):
    """Gives factors in another order than it declares."""

    def disentangle(self, z):
        return dict(reversed(super().disentangle(z).items()))


@breaks("shapes.entangle", "export.exports", "evaluation.verbs")
class ExtraDimension(ToyMethod):
    """Gives latents with a dimension too many."""

    def entangle(self, factors):
        z = super().entangle(factors)
        return z if self.training else z.unsqueeze(1)


@breaks("shapes.order")
class TrustsTheOrder(ToyMethod):
    """Joins factors in whatever order they come."""

    def entangle(self, factors):
        return self.back(torch.cat(list(factors.values()), 1)).unflatten(1, self.latent.shape)


@breaks("shapes.posterior")
class UndeclaredVariance(ToyMethod):
    """Gives a variance for a point."""

    def posterior(self, z):
        return {name: Posterior(mean, torch.zeros_like(mean)) for name, mean in self.disentangle(z).items()}


@breaks("shapes.classify")
class FewClasses(ToyMethod):
    """Knows three classes where there are twenty."""

    capabilities = ToyMethod.capabilities | {"classify"}

    def classify(self, z):
        return self.disentangle(z)["what"][:, :3]


@breaks("shapes.score", "export.exports")
class ScoreColumn(ToyMethod):
    """Gives scores as a column."""

    def score(self, first, second):
        return super().score(first, second).unsqueeze(1)


@breaks("shapes.sample")
class StrangeSample(ToyMethod):
    """Samples a factor it does not have."""

    capabilities = ToyMethod.capabilities | {"sample"}

    def sample(self, noise):
        return {"whatever": noise}


@breaks("shapes.graphs", "export.exports")
class RenamedGraph(ToyMethod):
    """Calls the outputs of its graph what it likes."""

    def graphs(self):
        graphs = super().graphs()
        renamed = {f"factor_{name}": shape for name, shape in graphs["disentangle"].outputs.items()}
        return graphs | {"disentangle": dataclasses.replace(graphs["disentangle"], outputs=renamed)}


# -- rows


@breaks("rows.alone", "bad-input.nan")
class BatchMean(ToyMethod):
    """Centres by the batch it happens to see."""

    def disentangle(self, z):
        return super().disentangle(z - z.mean(0, keepdim=True))


@breaks("rows.empty")
class NoEmptyBatch(ToyMethod):
    """Divides the numbers there are by the rows there are."""

    def disentangle(self, z):
        return super().disentangle(z.reshape(z.shape[0], -1))


@breaks("rows.layout")
class WantsContiguous(ToyMethod):
    """Takes memory to be in order."""

    monitor = "none"

    def disentangle(self, z):
        return super().disentangle(z if self.training else z.view(-1).view(z.shape[0], self.latent.width))


@breaks("rows.untouched", "export.parity")
class Clamps(ToyMethod):
    """Writes to what it is given."""

    monitor = "none"

    def disentangle(self, z):
        return super().disentangle(z if self.training else z.clamp_(min=0))


# -- gradients


@breaks("gradients.terms", "contract.fits")
class VectorTerm(ToyMethod):
    """Forgets to average."""

    def loss(self, batch, draws):
        (term,) = super().loss(batch, draws).values()
        return {"swap": Term(term.value.expand(3))}


@breaks("gradients.reach")
class IdleLayer(ToyMethod):
    """Has a layer nobody uses."""

    def __init__(self, config, latent):
        super().__init__(config, latent)
        self.idle = nn.Linear(2, 2)

    def objectives(self, backbones):
        (objective,) = super().objectives(backbones)
        return [dataclasses.replace(objective, updates=[self])]


@breaks("gradients.updates")
class Meddles(ToyMethod):
    """One objective writes to what the other is to move."""

    def objectives(self, backbones):
        def meddle(batch, draws):
            with torch.no_grad():
                self.back.weight.mul_(0.99)
            return self.loss(batch, draws)

        (objective,) = super().objectives(backbones)
        return [
            dataclasses.replace(objective, name="there", loss=meddle, updates=[self.there]),
            dataclasses.replace(objective, name="back", updates=[self.back]),
        ]


@breaks("gradients.no-waiting")
class Waits(ToyMethod):
    """Looks at its loss in every step."""

    def loss(self, batch, draws):
        losses = super().loss(batch, draws)
        if losses["swap"].value.item() > 1e9:
            raise OverflowError
        return losses

"""A backbone for every check of backbones that breaks its promise; each is a plain one with one mistake."""

import dataclasses

import torch
from broken import Broken
from torch import nn

from unbraid import Backbone, BackboneInfo, Encoder, LatentSpec, Posterior, freeze
from unbraid.core.interfaces import ImageSpec
from unbraid.registry import BackboneSpec
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.toys.modules import SIZE, to_image

ALL: dict[str, Broken] = {}


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh())


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def breaks(check, *implies):
    """Enter a function that makes a backbone."""

    def enter(make):
        ALL[check] = Broken(make=lambda: lambda: seeded(make), implies=implies)
        return make

    return enter


def declares(check, *implies, named=False, **spec):
    """Enter a function `(config) -> Backbone` with a spec."""

    def enter(make):
        def declare():
            def target(config):
                """Make a backbone."""
                return seeded(lambda: make(config))

            return BackboneSpec(**{"name": "broken", "target": hold(target), "summary": "broken", **spec})

        ALL[check] = Broken(make=declare, implies=implies, named=named)
        return make

    return enter


def backbone(encoder, decoder=None, *, kind=Backbone, latent=(8,), **info):
    """A backbone that nobody checks on the way, as `freeze` would."""
    described = {
        "adapter": "broken",
        "input": ImageSpec(*SIZE),
        "latent": LatentSpec(latent),
        "inverse": "none" if decoder is None else "amortised",
        "capabilities": frozenset({"gradient"} if decoder is None else {"gradient", "decode"}),
        **info,
    }
    return kind(encoder, decoder, BackboneInfo(**described))


class Around(Encoder):
    """An encoder with something done to what it gives."""

    def __init__(self, after=lambda z: z, before=lambda x: x):
        super().__init__()
        self.module, self.after, self.before = linear(), after, before

    def forward(self, x):
        return Posterior(self.after(self.module(self.before(x))))


class Behind(nn.Module):
    """A decoder with something done to what it gives."""

    def __init__(self, after):
        super().__init__()
        self.module, self.after = to_image(), after

    def forward(self, z):
        return self.after(self.module(z))


@breaks("contract.loads")
def _():
    raise OSError("no such file")


@breaks("contract.info")
def _():
    return backbone(Around(), capabilities=frozenset({"gradient", "paint"}))


@declares("contract.comes-back", named=True)
def _(config):
    return backbone(Around(), adapter="something_else")


@declares("manifest.targets", pretrain="nowhere:train")
def _(config):
    return backbone(Around())


@breaks("shapes.encode", "shapes.alone", "export.encode")
def _():
    return backbone(Around(lambda z: z.double()))


@breaks("shapes.informative", "gradients.encoder")
def _():
    return backbone(Around(lambda z: z * 0 + 1))


class Varied(Around):
    def forward(self, x):
        mean = self.module(x)
        return Posterior(mean, torch.zeros_like(mean))


@breaks("shapes.posterior")
def _():
    return backbone(Varied())


@breaks("shapes.alone")
def _():
    return backbone(Around(lambda z: z - z.mean(0)))


@breaks("shapes.repeats", "gradients.encoder", "gradients.weights")
def _():
    return backbone(Around(before=lambda x: x.mul_(0.5)))


@breaks("shapes.decode", "export.decode", "gradients.decoder")
def _():
    return backbone(Around(), Behind(lambda x: x[..., :7]))


@breaks("inverse.in-range")
def _():
    return backbone(Around(), Behind(lambda x: 2 * x - 1))


@breaks("inverse.exact")
def _():
    return backbone(Around(), to_image(), inverse="exact")


class DecodesNothing(Backbone):
    def decode(self, z):
        return torch.zeros(len(z), *SIZE)


@breaks("inverse.refused")
def _():
    return backbone(Around(), kind=DecodesNothing)


@breaks("gradients.encoder")
def _():
    return backbone(Around(lambda z: z.detach()))


@breaks("gradients.decoder")
def _():
    return backbone(Around(), Behind(lambda x: x.detach()))


class Thaws(Around):
    def forward(self, x):
        for parameter in self.parameters():
            parameter.requires_grad_(True)
        return super().forward(x)


@breaks("gradients.weights")
def _():
    made = backbone(Thaws())
    for parameter in made.parameters():
        parameter.requires_grad_(True)
    return made


def _unseeded():
    with torch.random.fork_rng(devices=[]):
        torch.seed()
        return backbone(Around())


ALL["identity.same"] = Broken(make=lambda: _unseeded)


class OneName(Backbone):
    fingerprint = "always the same"


@breaks("identity.weights")
def _():
    return backbone(Around(), kind=OneName)


def branch(tensor):
    return tensor / 2 if bool((tensor > 1e9).any()) else tensor


@breaks("export.encode")
def _():
    return backbone(Around(branch))


@breaks("export.decode")
def _():
    return backbone(Around(), Behind(branch))


class Counts(Around):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        if not torch.compiler.is_exporting():
            self.calls.add_(1)
        return super().forward(x)


@breaks("frozen.untouched", "identity.same", "frozen.training-mode")
def _():
    return backbone(Counts())


class Trains(Backbone):
    def train(self, mode=True):
        return nn.Module.train(self, mode)


@breaks("frozen.training-mode")
def _():
    made = freeze(nn.Sequential(linear(), nn.Dropout(0.5)).eval(), input=SIZE)
    return Trains(made.encoder, None, dataclasses.replace(made.info))


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings: weights."""

    weights: str = ""


@declares("errors.no-weights", config=hold(Config))
def _(config):
    return backbone(Around(), config={"weights": config.weights})

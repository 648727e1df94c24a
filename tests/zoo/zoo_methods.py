"""The contract zoo: one toy method for every way a method can be different. Short on purpose: if a toy grows, the
contract is wrong."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

from unbraid import Disentangler, Episodes, Factor, Objective, Posterior, SameClassPairs, Samples, Term, only


class Split(Disentangler):
    """The plainest method: a linear map to content and style, a linear map back."""

    capabilities = frozenset({"entangle"})

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__()
        self.latent = latent
        self.factors = (Factor("content", (4,), "content", "content"), Factor("style", (4,), "style"))
        self.there, self.back = nn.Linear(latent.width, 8), nn.Linear(8, latent.width)

    def disentangle(self, z):
        f = self.there(z.flatten(1))
        return {"content": f[:, :4], "style": f[:, 4:]}

    def entangle(self, factors):
        return self.back(torch.cat([factors[f.name] for f in self.factors], 1)).view(-1, *self.latent.shape)

    def keep(self, z):
        return Term((self.entangle(self.disentangle(z)) - z).square().mean())

    def objectives(self, backbones):
        return [
            Objective(
                name="keep",
                batch={"rows": Samples(32)},
                loss=lambda batch, draws: {"keep": self.keep(batch["rows"].z)},
                updates=[self.there, self.back],
            )
        ]


class TwoDomains(Disentangler):
    """Two backbones, one content space: a head of several domains is a head a domain."""

    @classmethod
    def build(cls, config, latents, labels):
        return cls(latents)

    def __init__(self, latents: Any) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: Split(None, latent) for name, latent in latents.items()})
        self.factors = next(iter(self.parts.values())).factors

    def domain(self, name):
        return self.parts[name]

    def objectives(self, backbones):
        def join(batch, draws):
            means = [self.parts[d].disentangle(batch[d].z)["content"].mean(0) for d in self.parts]
            kept = {d: self.parts[d].keep(batch[d].z) for d in self.parts}
            return {"match": Term((means[0] - means[1]).square().mean()), **kept}

        batch = {d: Samples(32, domain=d) for d in self.parts}
        return [Objective(name="join", batch=batch, loss=join, updates=[self.parts])]


class GatedAdversary(Split):
    """A critic that only trains, and rests while it is winning."""

    train_only = ("critic", "accuracy")

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__(config, latent)
        self.critic = nn.Linear(latent.width, 1)
        self.register_buffer("accuracy", torch.zeros(()))

    def logits(self, z, draws):
        factors = self.disentangle(z)
        swapped = self.entangle({**factors, "style": factors["style"][draws.permutation(len(z))]})
        return self.critic(torch.cat([z, swapped])).squeeze(1), torch.arange(2 * len(z), device=z.device) < len(z)

    def objectives(self, backbones):
        def judge(batch, draws):
            logits, real = self.logits(batch["rows"].z, draws)
            self.accuracy.copy_(((logits > 0) == real).float().mean())
            return {"judge": Term(F.binary_cross_entropy_with_logits(logits, real.float()))}

        def fool(batch, draws):
            logits, real = self.logits(batch["rows"].z, draws)
            made_up = logits[len(real) // 2 :]  # a mask in place of the slice would wait for the device
            deceit = F.binary_cross_entropy_with_logits(made_up, torch.ones_like(made_up))
            return {"fool": Term(deceit, 0.1), "keep": self.keep(batch["rows"].z)}

        rows = {"rows": Samples(32)}
        return [
            Objective(name="judge", batch=rows, loss=judge, updates=[self.critic], gate=lambda: self.accuracy < 0.6),
            Objective(name="fool", batch=rows, loss=fool, updates=[self.there, self.back], repeat=2, every=2),
        ]


class GaussianStyle(Split):
    """A factor with a variance, and pairs of one class."""

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__(config, latent)
        style = Factor("style", (4,), "style", distribution="gaussian")
        self.factors = (self.factors[0], style)
        self.spread = nn.Linear(latent.width, 4)

    def posterior(self, z):
        means = self.disentangle(z)
        return {"content": Posterior(means["content"]), "style": Posterior(means["style"], self.spread(z))}

    def objectives(self, backbones):
        def swap(batch, draws):
            first, second = batch["pairs"].first, batch["pairs"].second
            style = self.posterior(first)["style"]
            sampled = style.sample(draws.normal(*style.mean.shape))
            rebuilt = self.entangle({"content": self.disentangle(second)["content"], "style": sampled})
            kl = 0.5 * (style.mean**2 + style.log_variance.exp() - 1 - style.log_variance).mean()
            return {"swap": Term((rebuilt - first).square().mean()), "kl": Term(kl, 0.1)}

        pairs = {"pairs": SameClassPairs(32)}
        return [Objective(name="swap", batch=pairs, loss=swap, updates=[self])]


class ClassGated(Disentangler):
    """The network depends on the number of classes, and entangle takes class probabilities."""

    capabilities = frozenset({"entangle", "classify"})

    @classmethod
    def build(cls, config, latents, labels):
        return cls(only(latents), labels["content"].count)

    def __init__(self, latent: Any, classes: int) -> None:
        super().__init__()
        self.latent = latent
        kind = Factor("class", (classes,), "content", "content", "categorical")
        self.factors = (kind, Factor("dependent", (4,), "style"))
        self.logits, self.dependent = nn.Linear(latent.width, classes), nn.Linear(latent.width, 4)
        self.gate, self.back = nn.Linear(classes, 4, bias=False), nn.Linear(4, latent.width)

    def classify(self, z):
        return self.logits(z)

    def disentangle(self, z):
        return {"class": self.classify(z).softmax(1), "dependent": self.dependent(z)}

    def entangle(self, factors):
        return self.back(self.gate(factors["class"]).sigmoid() * factors["dependent"])

    def objectives(self, backbones):
        def learn(batch, draws):
            z, label = batch["rows"].z, batch["rows"].labels["content"]
            known = F.cross_entropy(self.classify(z), label, ignore_index=-1)  # -1 is a missing label
            kept = (self.entangle(self.disentangle(z)) - z).square().mean()
            return {"class": Term(known), "keep": Term(kept)}

        return [Objective(name="learn", batch={"rows": Samples(64)}, loss=learn, updates=[self])]


class Embedding(Disentangler):
    """No entangle: an embedding trained on episodes, with its own similarity."""

    capabilities = frozenset({"score"})
    monitor = "few_shot"

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__()
        self.latent, self.factors = latent, (Factor("embedding", (4,), "content", "content"),)
        self.net = nn.Linear(latent.width, 4)

    def disentangle(self, z):
        return {"embedding": self.net(z.flatten(1))}

    def score(self, first, second):
        return -(first - second).square().sum(1)

    def objectives(self, backbones):
        def episodes(batch, draws):
            support, query, target = batch["episodes"]
            codes = self.net(support.flatten(3)).mean(2)
            return {"class": Term(F.cross_entropy(-torch.cdist(self.net(query.flatten(2)), codes).mT, target))}

        batch = {"episodes": Episodes(ways=4, shots=1, queries=2, n=8)}
        return [Objective(name="episodes", batch=batch, loss=episodes, updates=[self.net])]


class ClosedForm(Disentangler):
    """No objectives: everything happens in prepare."""

    capabilities = frozenset({"entangle"})

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__()
        self.latent, n = latent, latent.width
        self.factors = (Factor("leading", (2,), "content"), Factor("trailing", (n - 2,), "style"))
        self.register_buffer("centre", torch.zeros(n))
        self.register_buffer("axes", torch.eye(n))

    def prepare(self, latents):
        z = only(latents).z.flatten(1)
        self.centre.copy_(z.mean(0))
        self.axes.copy_(torch.linalg.eigh(torch.cov(z.mT)).eigenvectors.flip(1))

    def disentangle(self, z):
        p = (z.flatten(1) - self.centre) @ self.axes
        return {"leading": p[:, :2], "trailing": p[:, 2:]}

    def entangle(self, factors):
        z = torch.cat([factors["leading"], factors["trailing"]], 1) @ self.axes.mT + self.centre
        return z.view(-1, *self.latent.shape)


class PooledMap(Disentangler):
    """A map latent: factors of the pooled map, and what pooling loses as a `rest` factor."""

    capabilities = frozenset({"entangle"})
    steps = 0

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__()
        self.latent, (c, _, _) = latent, latent.shape
        self.half = c // 2
        self.factors = (
            Factor("what", (self.half,), "content", "content"),
            Factor("how", (c - self.half,), "style"),
            Factor("rest", latent.shape, "rest"),
        )

    def disentangle(self, z):
        pooled = z.mean((2, 3))
        return {"what": pooled[:, : self.half], "how": pooled[:, self.half :], "rest": z - pooled[:, :, None, None]}

    def entangle(self, factors):
        return torch.cat([factors["what"], factors["how"]], 1)[:, :, None, None] + factors["rest"]


class ExactFlow(Disentangler):
    """An invertible map: initialised from data, and with a parametrisation that export must bake."""

    capabilities = frozenset({"entangle"})

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__()
        self.latent, n = latent, latent.width
        self.factors = (Factor("first", (n // 2,), "content", "content"), Factor("second", (n - n // 2,), "style"))
        self.mix = orthogonal(nn.Linear(n, n, bias=False))
        self.shift = nn.Linear(n // 2, n - n // 2)
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("std", torch.ones(n))

    def prepare(self, latents):
        mean, variance = only(latents).moments()
        self.mean.copy_(mean.flatten())
        self.std.copy_(variance.flatten().sqrt().clamp(min=1e-3))

    def disentangle(self, z):
        first, second = self.mix((z - self.mean) / self.std).tensor_split([self.factors[0].width], 1)
        return {"first": first, "second": second - self.shift(first)}

    def entangle(self, factors):
        first = factors["first"]
        mixed = torch.cat([first, factors["second"] + self.shift(first)], 1)
        return mixed @ self.mix.weight * self.std + self.mean

    def objectives(self, backbones):
        def likely(batch, draws):
            factors = self.disentangle(batch["rows"].z)
            return {"norm": Term(torch.cat(list(factors.values()), 1).square().mean())}

        return [Objective(name="likely", batch={"rows": Samples(32)}, loss=likely, updates=[self.mix, self.shift])]


class ThreeLabels(Disentangler):
    """A factor for each of three labels, an attribute among them, and one for what is left."""

    capabilities = frozenset({"entangle"})
    names = ("content", "style", "corner")

    def __init__(self, config: Any, latent: Any) -> None:
        super().__init__()
        self.latent = latent
        labelled = (Factor(f"of_{n}", (3,), "content" if n == "content" else "style", n) for n in self.names)
        self.factors = (*labelled, Factor("left", (3,), "style"))
        self.there, self.back = nn.Linear(latent.width, 12), nn.Linear(12, latent.width)

    def disentangle(self, z):
        return dict(zip((f.name for f in self.factors), self.there(z.flatten(1)).split(3, 1), strict=True))

    def entangle(self, factors):
        return self.back(torch.cat([factors[f.name] for f in self.factors], 1)).view(-1, *self.latent.shape)

    def objectives(self, backbones):
        def apart(batch, draws):
            terms = {}
            for name in self.names:
                pairs = batch[name]
                first, second = (self.disentangle(z)[f"of_{name}"] for z in (pairs.first, pairs.second))
                terms[name] = Term((first - second).square().mean())
            z = batch["content"].first
            return {**terms, "keep": Term((self.entangle(self.disentangle(z)) - z).square().mean())}

        batch = {name: SameClassPairs(16, label=name) for name in self.names}
        return [Objective(name="apart", batch=batch, loss=apart, updates=[self])]


class PixelCycle(Split):
    """A loss in image space: gradients flow through the frozen decoder and encoder."""

    def objectives(self, backbones):
        backbone = only(backbones)

        def cycle(batch, draws):
            z = batch["rows"].z
            seen = backbone.encode(backbone.decode(self.entangle(self.disentangle(z))))
            return {"cycle": Term((seen - z).square().mean())}

        rows = {"rows": Samples(16)}
        return [Objective(name="cycle", batch=rows, loss=cycle, updates=[self.there, self.back])]

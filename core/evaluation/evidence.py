"""What a metric gets: plain arrays of latents, factors and labels, and a few functions of the head."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unbraid.core.errors import CapabilityError, ProtocolError
from unbraid.core.evaluation.checks import check_finite, check_rows
from unbraid.core.evaluation.figure import RANDOM
from unbraid.core.interfaces.draws import derive_seed
from unbraid.core.interfaces.specs import Role

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Factors = Mapping[str, Array]
#: Whose figure it is, where an untrained head stands beside the trained one.
HEAD = "head"

#: What each population is, in words for tables.
POPULATIONS: Mapping[str, str] = {
    "train": "training contents in training styles",
    "unseen_content": "unseen contents in seen styles",
    "unseen_style": "training contents in unseen styles",
    "unseen_both": "unseen contents in unseen styles",
    "held_out": "new samples of training contents",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Some rows of a data set, each with its latent, labels and factors; n samples, all arrays in the same order.

    Args:
        name: one of `POPULATIONS`.
        rows: `(n,)` rows of the data set.
        z: `(n, D)` float32 latents, flat, standardised with the statistics of the training latents.
        labels: role -> `(n,)` int64, -1 where missing; only roles the data set has.
        factors: factor -> `(n, width)` float32 of the trained head.
        random_factors: the same of an untrained head; empty where there is none.
        known: known generative factor -> `(n,)` class indices; empty where the data set knows none.

    Raises:
        ProtocolError: an array has more or fewer rows than there are samples.
        NonFiniteError: a latent or a factor is NaN or infinite.
    """

    name: str
    rows: Ints
    z: Array
    labels: Mapping[str, Ints]
    factors: Factors
    random_factors: Factors = field(default_factory=dict)
    known: Mapping[str, Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        samples = f"samples of population {self.name!r}"
        codes = {"latents": self.z}
        codes |= {f"factor {name}": factor for name, factor in self.factors.items()}
        codes |= {f"untrained factor {name}": factor for name, factor in self.random_factors.items()}
        classes = {f"labels of role {role}": labels for role, labels in self.labels.items()}
        classes |= {f"known factor {name}": values for name, values in self.known.items()}
        check_rows(samples, len(self.rows), {name: len(array) for name, array in (codes | classes).items()})
        for name, code in codes.items():
            check_finite(f"{name}, {samples},", code)

    def __len__(self) -> int:
        return len(self.rows)

    def label(self, role: str) -> Ints:
        """Labels of a role.

        Raises:
            ProtocolError: the data set has none.
        """
        if role not in self.labels or not (self.labels[role] >= 0).any():
            raise ProtocolError(
                f"the data set has no {role} labels",
                expected=f"labels of role {role!r} in population {self.name!r}",
                found="none",
                hint="evaluate on a data set that is labelled so, or leave this metric out",
            )
        return self.labels[role]

    def groups(self) -> Ints:
        """Which samples stand or fall together in an interval, `(n,)`: those of a content; unlabelled ones by themselves."""
        alone = -1 - np.arange(len(self), dtype=np.int64)
        contents = self.labels.get("content", alone)
        return np.where(contents >= 0, contents, alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything metrics may look at; factors are computed once a sample, with the head in eval mode.

    Functions take and give numpy arrays, `(n, width)` or `(n, D)` of standardised latents, in batches of their own.

    Args:
        populations: name -> samples; a population without samples is left out.
        roles: factor -> role, in the order of the head.
        trained_on: factor -> role of the label it was trained on, of the factors that have one.
        seed: of everything a metric draws.
        episodes: number of few-shot episodes.
        device: where attackers are trained.
        entangle: factors -> standardised latents; None where the head cannot.
        random_entangle: the same of the untrained head.
        decode: standardised latents -> images `(n, C, H, W)` in [0, 1]; None where the backbone cannot.
        encode: images `(n, C, H, W)` in [0, 1] -> standardised latents `(n, D)`; None where a metric has only arrays.
        images: rows of the data set -> true images in [0, 1].
        score: how alike two arrays of content factors are; None where the head has no scorer.
        no_random_head: why there is no untrained head to compare with; empty where there is one.
        disentangle: standardised latents -> factors; None where a metric has only the arrays.
        random_disentangle: the same of the untrained head.
        redraw: population and number of the draw -> fresh samples of the factors of both heads; None where factors are
            means. Draw 0 is what the population holds.
        shared: what metrics computed and others need too; a copy with other arrays starts empty.
    """

    populations: Mapping[str, Population]
    roles: Mapping[str, Role]
    trained_on: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    episodes: int = 1000
    device: torch.device | str = "cpu"
    entangle: Callable[[Factors], Array] | None = None
    random_entangle: Callable[[Factors], Array] | None = None
    decode: Callable[[Array], Array] | None = None
    encode: Callable[[Array], Array] | None = None
    images: Callable[[Ints], Array] | None = None
    score: Callable[[Array, Array], Array] | None = None
    no_random_head: str = ""
    disentangle: Callable[[Array], Factors] | None = None
    random_disentangle: Callable[[Array], Factors] | None = None
    redraw: Callable[[str, int], tuple[Factors, Factors]] | None = None
    shared: dict[Hashable, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    @property
    def factor_mode(self) -> str:
        """`mean` or `sample`, of the head's factors."""
        return "sample" if self.redraw else "mean"

    def population(self, name: str) -> Population:
        """Give the samples of a population.

        Raises:
            ProtocolError: the data set has no such samples.
        """
        if not len(self.populations.get(name, ())):
            raise ProtocolError(
                f"the data set has no {POPULATIONS.get(name, name)}",
                expected=f"samples of population {name!r}",
                found=", ".join(name for name, each in self.populations.items() if len(each)) or "none",
                hint="choose a data set or a split that has some",
            )
        return self.populations[name]

    def unseen(self) -> list[Population]:
        """The populations to judge the head on: unseen contents, or new samples for a head tied to its classes.

        Raises:
            ProtocolError: there are none.
        """
        names = [name for name in ("unseen_content", "unseen_both", "held_out") if len(self.populations.get(name, ()))]
        return [self.populations[name] for name in names] or [self.population("unseen_content")]

    def need_entangle(self) -> Callable[[Factors], Array]:
        """Give `entangle`.

        Raises:
            CapabilityError: the head cannot.
        """
        if self.entangle is None:
            raise CapabilityError(
                "the head cannot entangle",
                expected="capability 'entangle'",
                found="none",
                hint="a method without it is measured by what its factors hold",
            )
        return self.entangle

    def need_decode(self) -> Callable[[Array], Array]:
        """Give `decode`.

        Raises:
            CapabilityError: the backbone cannot.
        """
        if self.decode is None:
            raise CapabilityError(
                "the backbone cannot decode",
                expected="capability 'decode'",
                found="none",
                hint="figures in latents need no decoder",
            )
        return self.decode

    def need_encode(self) -> Callable[[Array], Array]:
        """Give `encode`.

        Raises:
            CapabilityError: a metric has the arrays only.
        """
        if self.encode is None:
            raise CapabilityError(
                "the backbone is not at hand", expected="an encoder", found="arrays alone", hint="model.evaluate"
            )
        return self.encode

    def need_images(self) -> Callable[[Ints], Array]:
        """Give `images`.

        Raises:
            CapabilityError: a metric has the arrays only.
        """
        if self.images is None:
            raise CapabilityError(
                "there are no pictures", expected="true pictures", found="latents alone", hint="model.evaluate"
            )
        return self.images

    def entanglers(self, population: Population) -> dict[str, tuple[Callable[[Factors], Array], Factors]]:
        """Give whose -> `entangle` and factors of a population: of the head, and of the untrained one if there is one.

        Raises:
            CapabilityError: the head cannot.
            NonFiniteError: of the functions given, where what they make is NaN or infinite.
        """
        found = {HEAD: (_checked(self.need_entangle(), "entangled latents"), population.factors)}
        if self.random_entangle is not None and population.random_factors:
            checked = _checked(self.random_entangle, "entangled latents of the untrained head")
            found[RANDOM] = (checked, population.random_factors)
        return found

    def belongs(self, factor: str, label: str) -> bool:
        """Whether a label is what a factor is there for; what else can be read from it is leakage.

        Content belongs in factors of role content, style in all others. An attribute belongs in the factor trained on
        it, which holds nothing else; one that no factor was trained on belongs wherever no label does but in content.
        """
        own = self.trained_on.get(factor)
        if {own, label} <= {"content", "style", None}:
            return (self.roles[factor] == "content") == (label == "content")
        if label in self.trained_on.values():
            return own == label
        return own is None and self.roles[factor] != "content"

    def content(self) -> list[str]:
        """Names of the factors that carry the content."""
        return [name for name, role in self.roles.items() if role == "content"]

    def transfer(self, content: Factors, style: Factors) -> dict[str, Array]:
        """Take the content factors of one and everything else of the other, row by row."""
        return {name: (content if role == "content" else style)[name] for name, role in self.roles.items()}

    def rng(self, stream: str) -> np.random.Generator:
        """Random numbers of one purpose: the same for the same seed and name, whatever else was drawn."""
        return np.random.default_rng(derive_seed(self.seed, f"evaluation/{stream}", 0))


def _checked(function: Callable[[Factors], Array], what: str) -> Callable[[Factors], Array]:
    return lambda factors: check_finite(what, function(factors))


def take(factors: Factors, rows: Ints) -> dict[str, Array]:
    """Give the rows at some positions of every factor."""
    return {name: values[rows] for name, values in factors.items()}

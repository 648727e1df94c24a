"""Making the model of a backbone: from weights, or untrained where there are none."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypedDict, TypeVar

import torch
from torch import nn

from unbraid.core.config import build_config, config_to_dict
from unbraid.core.weights import check_agreement, fill, kept_place, load_weights

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
M = TypeVar("M", bound=nn.Module)


class Restorable(Protocol[A_co]):
    """Settings of an adapter whose weights say their architecture."""

    @property
    def weights(self) -> str | None:
        """Folder of the weights, or None for an untrained model."""
        ...

    @property
    def seed(self) -> int:
        """Of the initial weights of an untrained model."""
        ...

    @property
    def given(self) -> Mapping[str, Any]:
        """The parts of the architecture that were set."""
        ...

    def architecture(self) -> A_co:
        """Give the architecture of an untrained model."""
        ...


class Origin(TypedDict):
    """Where the weights of a model come from, as `BackboneInfo` takes it.

    `config` holds the settings that bring the same model back: its architecture, and weights or seed.
    """

    config: dict[str, Any]
    source: str
    licence: str
    trained_on: str


def untrained(make: Callable[[A], M], architecture: A, seed: int = 0) -> M:
    """Make a model whose initial weights depend on the seed alone; the global generator is left as it was.

    >>> from torch import nn
    >>> layer = untrained(lambda width: nn.Linear(width, 1), 3, seed=7)
    >>> bool((layer.weight == untrained(lambda width: nn.Linear(width, 1), 3, seed=7).weight).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(architecture)


def restore(
    adapter: str,
    config: Restorable[A],
    make: Callable[[A], M],
    *,
    kept: Callable[[M], nn.Module] = lambda model: model,
) -> tuple[M, Origin]:
    """Make a model in evaluation mode: with the weights that the settings name, or untrained.

    Args:
        adapter: whose weights.
        config: settings.
        make: makes a model of an architecture, usually its class.
        kept: gives the part of it that weights are kept of.

    Returns:
        The model, and where it comes from.

    Raises:
        ArtefactError: the weights are missing, damaged, or do not fit.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    if config.weights is None:
        architecture = config.architecture()
        model = untrained(make, architecture, config.seed)
        stated = config_to_dict(architecture) | {"weights": None, "seed": config.seed}
        origin = Origin(config=stated, source=f"untrained, seed {config.seed}", licence="", trained_on="")
    else:
        stored = load_weights(config.weights, adapter)
        check_agreement(adapter, config.weights, config.given, stored.architecture)
        architecture = build_config(type(config.architecture()), stored.architecture, where="architecture")
        model, where = untrained(make, architecture), kept_place(config.weights)
        fill(kept(model), stored.tensors, config.weights)
        origin = Origin(
            config=config_to_dict(architecture) | {"weights": where},
            source=stored.source or where,
            licence=stored.licence,
            trained_on=stored.trained_on,
        )
    kept(model).eval()  # the wrapper leaves modes alone; batch norm must not learn from whoever encodes
    return model, origin

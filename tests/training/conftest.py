"""What the tests of training share: latents whose only number is their row, and the zoo as a plug-in."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
import torch
import zoo_manifest

from unbraid import LatentSpec
from unbraid.core.latents import Latents
from unbraid.registry import Registry, get_registry, use_registry

MakeLatents = Callable[..., Latents]


def numbered(content: Sequence[int], style: Sequence[int] | None = None, classes: int | None = None) -> Latents:
    """Latents of shape (1,) that hold the number of their row, with the given labels."""
    labels = {"content": torch.tensor(content)} | ({"style": torch.tensor(style)} if style is not None else {})
    counts = {role: max(1, int(label.max()) + 1) for role, label in labels.items()}
    return Latents(
        mean=torch.arange(len(content), dtype=torch.float32).unsqueeze(1),
        log_variance=None,
        labels=labels,
        spec=LatentSpec((1,)),
        classes=counts | ({"content": classes} if classes else {}),
    )


def random_latents(rows: int = 240, width: int = 6, classes: int = 8, seed: int = 0) -> Latents:
    """Gaussian clusters."""
    generator = torch.Generator().manual_seed(seed)
    content = torch.arange(rows) % classes
    centres = torch.randn(classes, width, generator=generator)
    mean = centres[content] + 0.3 * torch.randn(rows, width, generator=generator)
    labels, spec = {"content": content}, LatentSpec((width,))
    return Latents(mean=mean, log_variance=None, labels=labels, spec=spec, classes={"content": classes})


@pytest.fixture(scope="session")
def make_latents() -> MakeLatents:
    return numbered


@pytest.fixture(scope="session")
def latents() -> Mapping[str, Latents]:
    return {"default": random_latents()}


@pytest.fixture(scope="session")
def held_out() -> Mapping[str, Latents]:
    return {"default": random_latents(rows=64, seed=1)}


@pytest.fixture
def zoo() -> Iterator[None]:
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])):
        yield

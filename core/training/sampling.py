"""Vectorised samplers: each turns a batch spec into tensor operations on the device, with static shapes."""

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from unbraid.core.errors import ConfigError, LabelError
from unbraid.core.interfaces import (
    BatchSpec,
    CellRows,
    Cells,
    Drawn,
    Draws,
    EpisodeRows,
    Episodes,
    Pairs,
    Rows,
    SameClassPairs,
    Samples,
)
from unbraid.core.latents import Latents
from unbraid.core.training.index import CellIndex, ClassIndex

Sampler = Callable[[Draws], Drawn]
#: Random numbers that cost as much to draw and to rank as one more way does otherwise.
MANY = 800


def make_sampler(spec: BatchSpec, sources: Mapping[str, Latents]) -> Sampler:
    """Make the sampler of a batch spec over the latents of its domain.

    Raises:
        ConfigError: the spec names a domain that is not there.
        LabelError: the labels it needs are missing, or too few rows or classes for it.
    """
    if not isinstance(spec, BatchSpec):
        raise ConfigError("unknown batch spec", expected="Samples, SameClassPairs, Episodes or Cells", found=spec)
    if spec.domain not in sources:
        raise ConfigError(
            "an objective asks for an unknown domain", expected=f"one of {', '.join(sources)}", found=spec.domain
        )
    _check_counts(spec)
    latents = sources[spec.domain]
    if not len(latents):
        raise LabelError("there are no rows to draw from", expected="at least one row", found="0")
    return _sampler(spec, latents)


def _check_counts(spec: BatchSpec) -> None:
    for name in ("n", "ways", "shots", "queries"):
        if getattr(spec, name, 1) < 1:
            raise ConfigError(f"{type(spec).__name__}.{name} counts from 1", expected=">= 1", found=getattr(spec, name))
    if isinstance(spec, Episodes) and spec.query_classes is not None and not 1 <= spec.query_classes <= spec.ways:
        raise ConfigError(
            "Episodes.query_classes are some of the ways", expected=f"1 .. {spec.ways}", found=spec.query_classes
        )


@singledispatch
def _sampler(spec: Any, latents: Latents) -> Sampler:
    raise NotImplementedError


@_sampler.register
def _(spec: Samples, latents: Latents) -> Sampler:
    known = None if spec.label is None else _labelled(spec.label, latents)
    high = torch.full((spec.n,), len(latents if known is None else known), device=latents.device)
    labels = {role: latents.label(role) for role in latents.labels}

    def draw(draws: Draws) -> Rows:
        index = draws.below(high) if known is None else known[draws.below(high)]
        return Rows(latents.gather(index, draws), {role: label[index] for role, label in labels.items()})

    return draw


def _labelled(role: str, latents: Latents) -> Tensor:
    """Give the positions of rows that have a label of a role."""
    known = ClassIndex.of(latents, role, at_least=1).order
    if not len(known):
        raise LabelError(
            f"there are no rows with a {role} label to draw from", expected="at least one row", found="all are missing"
        )
    return known


@_sampler.register
def _(spec: SameClassPairs, latents: Latents) -> Sampler:
    index = _index(spec.label, latents, at_least=2, classes=1, asked="pairs of one class")
    high = torch.full((spec.n,), len(index), device=latents.device)

    def draw(draws: Draws) -> Pairs:
        which = draws.below(high)
        pair = index.positions(which, draws.distinct(index.count[which], 2))
        z = latents.gather(pair, draws)
        return Pairs(z[:, 0], z[:, 1], {spec.label: index.classes[which]})

    return draw


@_sampler.register
def _(spec: Episodes, latents: Latents) -> Sampler:
    rows_per_class = spec.shots + spec.queries
    asked = f"{spec.ways}-way episodes with {spec.shots} shots and {spec.queries} queries"
    index = _index(spec.label, latents, at_least=rows_per_class, classes=spec.ways, asked=asked)
    query_classes = spec.ways if spec.query_classes is None else spec.query_classes
    ways = torch.arange(spec.ways, device=latents.device).expand(spec.n, -1)
    choose = _classes(spec, len(index), latents.device)

    def draw(draws: Draws) -> EpisodeRows:
        which = choose(draws)  # (E, C)
        rows = index.positions(which, draws.distinct(index.count[which], rows_per_class))  # (E, C, K + q)
        target = ways if query_classes == spec.ways else draws.uniform(spec.n, spec.ways).topk(query_classes).indices
        queries = rows[..., spec.shots :].gather(1, target.unsqueeze(-1).expand(-1, -1, spec.queries))
        return EpisodeRows(
            support=latents.gather(rows[..., : spec.shots], draws),
            query=latents.gather(queries.flatten(1), draws),
            target=target.repeat_interleave(spec.queries, dim=1),
        )

    return draw


def _classes(spec: Episodes, classes: int, device: torch.device) -> Callable[[Draws], Tensor]:
    """Make what chooses the ways of each episode, `(E, C)`: the cheaper of two ways to be exact."""
    if spec.n * classes < MANY * spec.ways:
        return lambda draws: draws.uniform(spec.n, classes).topk(spec.ways).indices
    high = torch.full((spec.n,), classes, device=device)
    return lambda draws: draws.distinct(high, spec.ways)


@_sampler.register
def _(spec: Cells, latents: Latents) -> Sampler:
    cells = CellIndex.of(latents)
    contents, styles = (torch.full((spec.n,), size, device=latents.device) for size in cells.count.shape)

    def draw(draws: Draws) -> CellRows:
        c = draws.distinct(contents, 2)
        s = draws.distinct(styles, 2)
        pick = [(0, 0), (1, 1), (0, 1), (1, 0)]
        return CellRows(*(latents.gather(cells.draw(c[:, i], s[:, j], draws), draws) for i, j in pick))

    return draw


def _index(role: str, latents: Latents, *, at_least: int, classes: int, asked: str) -> ClassIndex:
    index = ClassIndex.of(latents, role, at_least=at_least)
    if len(index) < classes:
        raise LabelError(
            f"too few classes for {asked}",
            expected=f"{classes} classes of {role} with at least {at_least} rows each",
            found=f"{len(index)} such classes among {latents.classes[role]}",
            hint="ask for fewer ways, shots or queries, or add data",
        )
    return index

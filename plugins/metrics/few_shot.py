"""Few-shot accuracy on unseen contents, of each factor beside the raw latents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unbraid.core.errors import ConfigError, ProtocolError
from unbraid.core.evaluation.episode_file import load_episodes, save_episodes
from unbraid.core.evaluation.episodes import EpisodeTable, ask_once, draw_episodes, smallest_class
from unbraid.core.evaluation.evidence import POPULATIONS, Evidence, Population
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.evaluation.figure import RANDOM, RAW, Figure, Interval, Trials
from unbraid.core.evaluation.intervals import class_bootstrap_interval, normal_interval
from unbraid.core.interfaces.draws import derive_seed

Array = npt.NDArray[np.floating]

#: Episodes of the preset `paper`.
PAPER_EPISODES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotConfig:
    """Which episodes to draw.

    Args:
        ways: classes in an episode.
        shots: examples of each class.
        queries: samples of each class to recognise, as far as the smallest class has that many.
        score_episodes: episodes for a head's own scorer, which compares every pair and is slow; the first of the list.
        preset: `paper` asks one query an episode in 1,000 episodes, as FDEN's paper does; each is a coin flip.
        save: folder to write the episodes to, `<population>.json`, for other tools to score.
        read: folder to read them from instead of drawing; ways, shots, queries and preset are then the file's.
    """

    ways: int = 5
    shots: int = 1
    queries: int = 15
    score_episodes: int = 200
    preset: Literal["standard", "paper"] = "standard"
    save: str | None = None
    read: str | None = None

    def __post_init__(self) -> None:
        if self.save and self.read:
            raise ConfigError("few-shot episodes are read or drawn and saved", expected="save or read", found="both")
        if self.ways < 2 or min(self.shots, self.queries, self.score_episodes) < 1:
            raise ConfigError("few-shot episodes need two ways and one shot and query at least", found=self)


def few_shot(evidence: Evidence, config: FewShotConfig | None = None) -> Sequence[Figure]:
    """Measure few-shot accuracy on unseen contents, in seen and in unseen styles.

    Every factor, the raw latents, the untrained head and the head's own scorer see the same episodes.

    Args:
        evidence: the arrays.
        config: the episodes.

    Returns:
        One figure a population and factor.
    """
    config = config or FewShotConfig()
    return [figure for population in evidence.unseen() for figure in _of(evidence, population, config)]


def _of(evidence: Evidence, population: Population, config: FewShotConfig) -> list[Figure]:
    where = POPULATIONS[population.name]
    try:
        table = _table(evidence, population, config)
    except ProtocolError as error:
        summary = f"Few-shot accuracy, {where}."
        return [_absent(name, population, summary, str(error)) for name in evidence.roles]
    if config.save:
        save_episodes(table, _file(config.save, population), rows=population.rows)
    raw = _Result.of(population.z, table, evidence.seed)
    figures = [_figure(evidence, population, name, table, raw) for name in evidence.roles]
    return figures + _scored(evidence, population, table.part(slice(config.score_episodes)), raw)


def _table(evidence: Evidence, population: Population, config: FewShotConfig) -> EpisodeTable:
    labels = population.label("content")
    if config.read:
        return load_episodes(_file(config.read, population), rows=population.rows, labels=labels)
    queries = min(config.queries, smallest_class(labels) - config.shots)
    paper = config.preset == "paper"
    stream = f"few_shot/{population.name}"
    table = draw_episodes(
        labels,
        ways=config.ways,
        shots=config.shots,
        queries=1 if paper else max(queries, 1),
        episodes=PAPER_EPISODES if paper else evidence.episodes,
        seed=evidence.seed,
        stream=stream,
    )
    return ask_once(table, seed=evidence.seed, stream=stream) if paper else table


def _file(folder: str, population: Population) -> Path:
    return Path(folder, f"{population.name}.json")


@dataclass(frozen=True, slots=True)
class _Result:
    """Accuracy of one code: of every episode, the mean, and its intervals over episodes and over classes."""

    trials: Trials
    value: float
    episodes: Interval | None
    classes: Interval | None

    @classmethod
    def of(
        cls, codes: Array, table: EpisodeTable, seed: int, score: Callable[[Array, Array], Array] | None = None
    ) -> "_Result":
        accuracies = few_shot_accuracy(codes, table, score)
        over_classes = class_bootstrap_interval(
            accuracies, table.classes, seed=derive_seed(seed, "few_shot/classes", 0) % 2**32
        )
        return cls(
            Trials(accuracies, table.classes), float(accuracies.mean()), normal_interval(accuracies), over_classes
        )


def _figure(evidence: Evidence, population: Population, name: str, table: EpisodeTable, raw: _Result) -> Figure:
    result = _Result.of(population.factors[name], table, evidence.seed)
    random = None
    if name in population.random_factors:
        random = _Result.of(population.random_factors[name], table, evidence.seed)
    is_content = evidence.roles[name] == "content"
    protocol = _protocol(table, population) | {
        "random_head": evidence.no_random_head or "same configuration, untrained"
    }
    return _make(
        f"few_shot/{name}/{population.name}",
        result,
        raw,
        random,
        table,
        protocol,
        factor=name,
        higher=is_content,
        where=POPULATIONS[population.name],
    )


def _make(
    name: str,
    result: _Result,
    raw: _Result,
    random: _Result | None,
    table: EpisodeTable,
    protocol: dict[str, Any],
    *,
    factor: str,
    higher: bool,
    where: str,
) -> Figure:
    ways, shots = table.support.shape[1:]
    task = f"{ways}-way {shots}-shot"
    baselines = {RAW: raw, RANDOM: random}
    return Figure(
        name=name,
        value=result.value,
        summary=f"{task} accuracy by factor {factor}, {where}: nearest of {ways} classes, {shots} example(s) of each.",
        interval=result.episodes,
        intervals={"classes": result.classes} if result.classes else {},
        chance=1 / ways,
        baselines={key: found.value if found else None for key, found in baselines.items()},
        baseline_intervals={key: found.episodes for key, found in baselines.items() if found and found.episodes},
        higher_is_better=higher,
        factor=factor,
        protocol=protocol,
        trials=result.trials,
        headline=f"{_told_apart(higher, factor)} {task}, {where}" if name.startswith("few_shot/") else "",
    )


def _told_apart(higher: bool, factor: str) -> str:
    return f"{factor} recognises contents" if higher else f"{factor} still recognises contents"


def _scored(evidence: Evidence, population: Population, table: EpisodeTable, raw: _Result) -> list[Figure]:
    """The accuracy by the head's own scorer, where it has one."""
    if evidence.score is None:
        return []
    content = evidence.content()[0]
    result = _Result.of(population.factors[content], table, evidence.seed, evidence.score)
    protocol = _protocol(table, population) | {"classifier": "the head's own scorer, mean over the support of a way"}
    return [
        _make(
            f"few_shot_score/{content}/{population.name}",
            result,
            raw,
            None,
            table,
            protocol,
            factor=content,
            higher=True,
            where=f"{POPULATIONS[population.name]}, by the head's own scorer",
        )
    ]


def _protocol(table: EpisodeTable, population: Population) -> dict[str, Any]:
    return table.protocol(population.rows) | {
        "population": population.name,
        "samples": len(population),
        "classes": len(np.unique(table.classes)),
        "classifier": "nearest prototype, squared Euclidean distance",
        "interval": "95 %, normal over episodes: these classes; `classes`: bootstrap over classes, new ones",
    }


def _absent(name: str, population: Population, summary: str, reason: str) -> Figure:
    return Figure.absent(f"few_shot/{name}/{population.name}", reason, summary=summary, factor=name)

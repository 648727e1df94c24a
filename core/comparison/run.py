"""One run of a comparison: a method fitted with a seed, and its figures; kept whole or not at all."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unbraid.core.artefacts import atomic_folder, read_json, verify_folder, write_json
from unbraid.core.attached import AttachedModel, attach
from unbraid.core.comparison.recipe import ComparisonRecipe
from unbraid.core.config import config_to_dict
from unbraid.core.errors import ConfigError
from unbraid.core.evaluation import Evaluation
from unbraid.core.evaluation.trials import load_trials, save_trials
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.recipe import Recipe

LATENTS = "latents"
#: Accuracy of every episode, for differences episode by episode.
TRIALS = "trials.safetensors"
#: Settings that change no number of a run.
WITHOUT_EFFECT = ("quiet", "keep", "checkpoint_every")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all runs stand on: the data, the frozen backbone, and its latents of all rows, encoded once."""

    dataset: Dataset
    backbone: Backbone
    latents: Latents

    def attached(self, recipe: Recipe) -> AttachedModel:
        """Attach the method of a run, untrained.

        Raises:
            CapabilityError: the backbone cannot do what the method needs.
        """
        assert recipe.method is not None
        return attach(recipe.method.name, self.backbone, config=recipe.method.config, seed=recipe.fit.seed)


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run is kept.

    Args:
        out: folder of the comparison.
        label: of the method.
        seed: of weights and draws.
    """

    out: Path
    label: str
    seed: int

    @property
    def folder(self) -> Path:
        """The finished run: `head/`, `metrics.json`, `metrics.jsonl`, `trials.safetensors`, `run.json`."""
        return self.out / "runs" / self.label / f"seed-{self.seed}"

    @property
    def work(self) -> Path:
        """Checkpoints of a fit that is under way."""
        return self.out / "unfinished" / self.label / f"seed-{self.seed}"

    @property
    def head(self) -> Path:
        """The trained head."""
        return self.folder / "head"

    def evaluation(self) -> Evaluation:
        """Read the figures of the finished run."""
        evaluation = Evaluation.load(self.folder / "metrics.json")
        return replace(evaluation, figures=load_trials(self.folder / TRIALS, evaluation.figures))

    def finished(self, identity: Mapping[str, Any]) -> bool:
        """Whether the run is there, whole and made as it is asked for now.

        Raises:
            ConfigError: it was made with other settings, data or backbone; the message says which.
            DamagedArtefactError: a file of it was altered.
        """
        if not self.folder.exists():
            return False
        verify_folder(self.folder, kind="run")
        stored = read_json(self.folder / "run.json")
        differing = sorted(name for name in identity.keys() | stored.keys() if identity.get(name) != stored.get(name))
        if differing:
            name = differing[0]
            raise ConfigError(
                f"{self.folder} was made otherwise: {', '.join(differing)} differ",
                expected=_differences(identity.get(name), stored.get(name)),
                found=_differences(stored.get(name), identity.get(name)),
                hint="compare into another folder (--out), or remove that run to make it anew",
            )
        return True


def load_ground(recipe: ComparisonRecipe, folder: Path) -> Ground:
    """Load data and backbone, and encode once: the latents are cached in the folder of the comparison."""
    dataset, backbone = recipe.shared.load_dataset(), recipe.shared.load_backbone()
    latents = encode_dataset(backbone, dataset, cache=folder / LATENTS)
    return Ground(dataset=dataset, backbone=backbone, latents=latents)


def identity(recipe: Recipe, ground: Ground) -> dict[str, Any]:
    """Give what determines the files of a run; JSON values."""
    plain = recipe.to_dict()
    fit = {name: value for name, value in plain["fit"].items() if name not in WITHOUT_EFFECT}
    return {
        "method": plain["method"],
        "fit": fit,
        "evaluate": plain["evaluate"],
        "data": ground.dataset.fingerprint,
        "backbone": ground.backbone.fingerprint,
    }


def perform(run: Run, recipe: Recipe, ground: Ground, *, quiet: bool = False) -> None:
    """Fit from the newest checkpoint of the run, measure, and publish head and figures in one step.

    Args:
        run: where it is kept; what is finished is left alone.
        recipe: of this fit, its seed included.
        ground: data, backbone and latents.
        quiet: no progress.

    Raises:
        ConfigError: the finished run was made otherwise.
        Interrupted: a signal came; the step was finished and saved.
    """
    known = identity(recipe, ground)
    if run.finished(known):
        return
    model = ground.attached(recipe)
    try:
        settings = {**config_to_dict(recipe.fit), "quiet": quiet or recipe.fit.quiet}
        model.fit(ground.dataset, out=run.work, resume=True, latents=ground.latents, **settings)
        evaluation = model.evaluate(ground.dataset, latents=ground.latents, **config_to_dict(recipe.evaluate))
        _publish(run, model, evaluation, known)
    finally:
        model.detach()


def _publish(run: Run, model: AttachedModel, evaluation: Evaluation, known: Mapping[str, Any]) -> None:
    curve = run.work / "metrics.jsonl"
    with atomic_folder(run.folder, kind="run") as folder:
        model.save(folder / "head")
        evaluation.save(folder / "metrics.json")
        save_trials(folder / TRIALS, evaluation.figures)
        if curve.is_file():
            shutil.copyfile(curve, folder / curve.name)
        write_json(folder / "run.json", known)
    shutil.rmtree(run.work, ignore_errors=True)
    for emptied in (run.work.parent, run.work.parent.parent):
        with suppress(OSError):  # other runs are still under way in it
            emptied.rmdir()


def _differences(mine: Any, other: Any) -> Any:
    """Give the entries of a setting that differ, or all of it where it has none."""
    if not isinstance(mine, Mapping) or not isinstance(other, Mapping):
        return mine
    return {name: value for name, value in mine.items() if other.get(name) != value}

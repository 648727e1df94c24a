"""Fitting and measuring methods x seeds on the same frozen latents."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from unbraid.core.artefacts import storage_errors
from unbraid.core.comparison.attempt import attempt
from unbraid.core.comparison.comparison import Comparison
from unbraid.core.comparison.processes import run_in_processes
from unbraid.core.comparison.recipe import ComparisonRecipe, build_comparison, load_comparison
from unbraid.core.comparison.run import Ground, Run, identity, load_ground
from unbraid.core.comparison.summary import Failure
from unbraid.core.errors import ConfigError
from unbraid.core.evaluation import Evaluation
from unbraid.core.latents.lock import build_lock
from unbraid.core.report.comparison import write_comparison_report

REPORT, RESULT = "report.html", "comparison.json"


def compare(
    recipe: ComparisonRecipe | Mapping[str, Any] | Path | str,
    out: Path | str | None = None,
    *,
    jobs: int = 1,
    quiet: bool = False,
) -> Comparison:
    """Fit and measure every method with every seed on the same latents, splits and episodes.

    Finished runs are kept and unfinished ones go on from their checkpoints, so that a comparison which was stopped or
    killed comes to the same files. Methods and seeds can be added to a recipe later.

    Args:
        recipe: a recipe, its sections, or where its file is.
        out: folder of the results; default: `out` of the recipe.
        jobs: runs at a time, each a process of its own; 1 stays within this one.
        quiet: no progress.

    Returns:
        Means, intervals and paired differences; a run that ended with an error is among the `failures`.

    Raises:
        ConfigError: the recipe is wrong, or the folder holds runs made otherwise.
        CapabilityError: the backbone cannot do what a method needs.
        Interrupted: a signal came; everything under way was saved.
    """
    recipe = _read(recipe)
    if jobs < 1:
        raise ConfigError("jobs count from 1", expected=">= 1", found=jobs)
    folder = _folder(recipe, out)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with build_lock(folder, "comparison"):
        ground = load_ground(recipe, folder)
        _check(recipe, folder, ground)
        recipe.save(folder)
        failures = _perform(recipe, folder, ground, jobs, quiet)
        result = Comparison.of(_evaluations(recipe, folder, failures), tuple(failures), _protocol(recipe, ground))
        result.save(folder / RESULT)
        heads = {label: Run(folder, label, recipe.seeds[0]).head for label in recipe.recipes}
        write_comparison_report(folder / REPORT, result, heads, ground.backbone, ground.dataset)
    return result


def _read(recipe: ComparisonRecipe | Mapping[str, Any] | Path | str) -> ComparisonRecipe:
    if isinstance(recipe, ComparisonRecipe):
        return recipe
    return build_comparison(recipe) if isinstance(recipe, Mapping) else load_comparison(recipe)


def _folder(recipe: ComparisonRecipe, out: Path | str | None) -> Path:
    return Path(out) if out is not None else recipe.shared.folder()


def _check(recipe: ComparisonRecipe, folder: Path, ground: Ground) -> None:
    """Find misuse before the first step: a method that does not fit the backbone, a run that was made otherwise."""
    for label in recipe.recipes:
        for seed in recipe.seeds:
            Run(folder, label, seed).finished(identity(recipe.of(label, seed), ground))
        ground.attached(recipe.of(label, recipe.seeds[0])).detach()


def _order(recipe: ComparisonRecipe) -> Iterator[tuple[str, int]]:
    """Walk over all runs, all methods of a seed first, so that a comparison cut short still compares."""
    return ((label, seed) for seed in recipe.seeds for label in recipe.recipes)


def _perform(recipe: ComparisonRecipe, folder: Path, ground: Ground, jobs: int, quiet: bool) -> list[Failure]:
    open_runs = [
        Run(folder, label, seed)
        for label, seed in _order(recipe)
        if not Run(folder, label, seed).finished(identity(recipe.of(label, seed), ground))
    ]
    said = _silent if quiet else _say
    if jobs > 1:
        errors = run_in_processes(folder, open_runs, jobs, said)
    else:
        errors = {}
        for run in open_runs:
            errors[run] = attempt(run, recipe, ground, quiet=quiet)
            said(run, errors[run])
    # a run that no process came to is not among them
    return [
        Failure(label=run.label, seed=run.seed, error=error)
        for run in open_runs
        if (error := errors.get(run, "no process was left to do it"))
    ]


def _say(run: Run, error: str) -> None:
    click.echo(f"{run.label}, seed {run.seed}: {'FAILED: ' + error.splitlines()[0] if error else 'done'}", err=True)


def _silent(run: Run, error: str) -> None:
    pass


def _evaluations(recipe: ComparisonRecipe, folder: Path, failures: list[Failure]) -> dict[str, dict[int, Evaluation]]:
    failed = {(failure.label, failure.seed) for failure in failures}
    return {
        label: {s: Run(folder, label, s).evaluation() for s in recipe.seeds if (label, s) not in failed}
        for label in recipe.recipes
    }


def _protocol(recipe: ComparisonRecipe, ground: Ground) -> dict[str, Any]:
    info = ground.backbone.info
    return {
        "recipe": {name: section for name, section in recipe.to_dict().items() if name != "out"},
        "seeds": list(recipe.seeds),
        "dataset": {
            "name": ground.dataset.name,
            "fingerprint": ground.dataset.fingerprint,
            "notes": ground.dataset.notes,
        },
        "backbone": {
            "adapter": info.adapter,
            "fingerprint": ground.backbone.fingerprint,
            "trained_on": info.trained_on or "unknown",
        },
        "same_for_all": "frozen latents, splits, evaluation seed, episodes, swaps and the attackers' splits",
        "interval": "95 %, Student's t over seeds",
        "differences": "paired: same seed, same episodes; 95 %, Student's t over seeds; `episodes`: over episodes of these"
        " classes, the mean over seeds episode by episode; `classes`: bootstrap over classes, new ones",
    }

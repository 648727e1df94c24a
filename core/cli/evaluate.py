"""`unbraid evaluate`: figures, their table, and a report."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel
    from unbraid.core.evaluation import Evaluation
    from unbraid.core.interfaces import Dataset
    from unbraid.core.recipe import Recipe

RECIPE = "recipe.yaml"


@click.command("evaluate")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--dataset", help="Name of the data set. Default: that of the recipe, or of the recipe beside the head.")
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a recipe's setting.")
@click.option("--metric", "metrics", multiple=True, help="Only this metric; may be repeated.")
@click.option("--episodes", type=click.IntRange(min=1), help="Few-shot episodes. Default: 1000.")
@click.option("--seed", type=int, help="Of episodes, attackers, swaps and the untrained head. Default: 0.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of metrics.json and report.html. Default: beside the head."
)
@click.option("--card", is_flag=True, help="Write the figures into the model card of the head.")
def command(
    source: Path,
    dataset: str | None,
    assignments: tuple[str, ...],
    metrics: tuple[str, ...],
    episodes: int | None,
    seed: int | None,
    out: Path | None,
    card: bool,
) -> None:
    """Measure how far the factors of a head came apart.

    SOURCE is the folder of a head, or the recipe `unbraid fit` made it from. Prints a table and writes metrics.json
    and report.html, the latter in place of the one that fit left. Exits with 1 where a metric broke.
    """
    import unbraid
    from unbraid.core.attached.head_file import update_card

    recipe, head = _find(source, assignments, out)
    data = _dataset(recipe, dataset, source)
    settings = _settings(recipe)
    settings |= {"metrics": metrics} if metrics else {}
    settings |= {name: value for name, value in (("episodes", episodes), ("seed", seed)) if value is not None}
    model = unbraid.load(head)
    cache = head.parent / "latents"
    evaluation = model.evaluate(data, **settings, **({"cache": cache} if cache.is_dir() else {}))
    click.echo(evaluation.table())
    curve = head.parent / "metrics.jsonl"
    _write(out or head.parent, evaluation, model, data, curve)
    if card:
        click.echo(f"wrote {update_card(head, evaluation)}")
    if evaluation.failures:
        raise SystemExit(1)


def _find(source: Path, assignments: tuple[str, ...], out: Path | None) -> tuple["Recipe | None", Path]:
    """Give the recipe, where there is one, and the folder of the head."""
    from unbraid.core.errors import ConfigError
    from unbraid.core.recipe import load_recipe

    if source.is_dir():
        beside = source.parent / RECIPE
        return (load_recipe(beside, assignments) if beside.is_file() else None), source
    recipe = load_recipe(source, assignments)
    head = (Path(recipe.out) if recipe.out else Path("runs") / source.stem) / "head"
    if not head.is_dir():
        raise ConfigError("this recipe has no head yet", expected=head, found="nothing", hint=f"unbraid fit {source}")
    return recipe, head


def _settings(recipe: "Recipe | None") -> dict[str, Any]:
    if recipe is None:
        return {}
    return {field.name: getattr(recipe.evaluate, field.name) for field in dataclasses.fields(recipe.evaluate)}


def _dataset(recipe: "Recipe | None", name: str | None, source: Path) -> "Dataset":
    from unbraid.core.catalogue import load_dataset
    from unbraid.core.errors import ConfigError

    if name is not None and (recipe is None or recipe.dataset.name != name):
        return load_dataset(name)
    if recipe is None:
        raise ConfigError(
            f"nothing says which data set {source} is to be measured on",
            expected=f"--dataset NAME, or {RECIPE} beside the head",
            found="neither",
            hint="unbraid list datasets",
        )
    return recipe.load_dataset()


def _write(folder: Path, evaluation: "Evaluation", model: "AttachedModel", data: "Dataset", curve: Path) -> None:
    from unbraid.core.report import illustrate, read_curves, write_report

    folder.mkdir(parents=True, exist_ok=True)
    click.echo(f"wrote {evaluation.save(folder / 'metrics.json')}")
    page = write_report(
        folder / "report.html",
        evaluation=evaluation,
        illustrations=illustrate(model, data),
        curves=read_curves(curve),
        model=model,
    )
    click.echo(f"wrote {page}")

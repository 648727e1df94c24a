"""`unbraid fit`."""

from pathlib import Path

import click


@click.command(name="fit")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a setting.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default: the recipe's, or runs/NAME.")
@click.option("--resume", is_flag=True, help="Go on from the newest good checkpoint in the folder.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(recipe: Path, assignments: tuple[str, ...], out: Path | None, resume: bool, quiet: bool) -> None:
    """Train a head on the frozen backbone that RECIPE states.

    The folder of the run gets the resolved recipe, the latent cache, checkpoints, metrics.jsonl, the head and
    report.html.
    """
    from unbraid.core.attached import attach
    from unbraid.core.config import config_to_dict
    from unbraid.core.errors import ConfigError
    from unbraid.core.recipe import load_recipe
    from unbraid.core.report import write_fit_report

    stated = load_recipe(recipe, assignments)
    if stated.method is None:
        raise ConfigError(
            f"{recipe} names no method", expected="a section 'method'", found="none", hint="unbraid list methods"
        )
    folder = out or Path(stated.out or Path("runs") / recipe.stem)
    model = attach(stated.method.name, stated.load_backbone(), seed=stated.fit.seed, config=stated.method.config)
    data = stated.load_dataset()
    folder.mkdir(parents=True, exist_ok=True)
    stated.save(folder)
    settings = {**config_to_dict(stated.fit), "quiet": quiet or stated.fit.quiet}
    result = model.fit(data, out=folder, cache=folder / "latents", resume=resume, **settings)
    head = model.save(folder / "head")
    report = write_fit_report(folder, model, data, result)
    click.echo(repr(model))
    if result.monitor is not None:
        click.echo(f"best {result.monitor} on validation classes: {result.best_value:.4g} at step {result.best_step}")
    click.echo(f"{result.steps} steps; head in {head}; report in {report}")
    click.echo(f"next: unbraid evaluate {head}   unbraid export {head}")

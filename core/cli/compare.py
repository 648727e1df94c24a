"""`unbraid compare`."""

from pathlib import Path

import click


@click.command(name="compare")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a setting.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the results; default: the recipe's, or runs/NAME."
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Runs at a time, each a process. Default: 1.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(recipe: Path, assignments: tuple[str, ...], out: Path | None, jobs: int, quiet: bool) -> None:
    """Fit and measure every method of RECIPE with every seed, on the same frozen latents and episodes.

    The folder gets runs/LABEL/seed-N with head and figures, comparison.json and report.html. Run the command again to
    go on with a comparison that was stopped, or to add methods or seeds. Exits with 1 where a run or a metric failed.
    """
    from unbraid.core.comparison import compare, load_comparison

    stated = load_comparison(recipe, assignments)
    folder = out or Path(stated.out or Path("runs") / recipe.stem)
    result = compare(stated, folder, jobs=jobs, quiet=quiet)
    click.echo(result.table())
    click.echo(f"wrote {folder / 'comparison.json'}\nwrote {folder / 'report.html'}")
    if result.failures:
        raise SystemExit(1)

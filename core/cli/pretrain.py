"""`unbraid pretrain`: train a backbone from a recipe."""

from pathlib import Path

import click

from unbraid.core.cli.table import format_table


@click.command("pretrain")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a setting.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results. Default: `out` of the recipe.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
def command(recipe: Path, assignments: tuple[str, ...], out: Path | None, resume: bool) -> None:
    """Train the backbone of a recipe on the training classes of its data set.

    Writes weights, metrics, report.html and the resolved recipe, and says how well pictures come back: the mean squared error of a
    pixel beside the variance of the pixels.
    """
    from unbraid.core.pretraining import pretrain
    from unbraid.core.recipe import load_recipe
    from unbraid.core.threads import core_count

    plan = load_recipe(recipe, assignments, defaults={"fit": {"threads": core_count()}})
    weights, figures = pretrain(plan, plan.folder(out), resume=resume)
    rows = [
        {
            "content": figure.content,
            "style": figure.style or "",
            "pictures": str(figure.pictures),
            "error": f"{figure.error:.5f}",
            "variance": f"{figure.variance:.5f}",
            "share": "" if figure.share is None else f"{figure.share:.1%}",
            "inversion": "" if figure.inversion is None else f"{figure.inversion:.2f}",
        }
        for figure in figures
    ]
    click.echo(format_table(rows))
    click.echo(f"weights: {weights}")

"""`unbraid encode`."""

from pathlib import Path
from typing import Literal

import click


@click.command(name="encode")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a setting.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default: the recipe's, or runs/NAME.")
@click.option("--batch-size", type=click.IntRange(min=1), default=256, help="Images at a time. Default: 256.")
@click.option("--precision", type=click.Choice(("float32", "bfloat16")), help="Of the encoder. Default: float32.")
@click.option("--device", default="auto", help="Where the encoder runs. Default: the best there is.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    recipe: Path,
    assignments: tuple[str, ...],
    out: Path | None,
    batch_size: int,
    precision: Literal["float32", "bfloat16"] | None,
    device: str,
    quiet: bool,
) -> None:
    """Encode the data of RECIPE with its frozen backbone, where fit and evaluate look for it.

    Goes on where it was stopped. On several processes or machines that see the same folder: torchrun --nproc-per-node 8
    -m unbraid encode RECIPE. The files are the same, however many there are. What reads them takes the precision that
    they were made with, and says so beside its figures.
    """
    from unbraid.core.latents import encode_cache
    from unbraid.core.recipe import load_recipe

    stated = load_recipe(recipe, assignments)
    folder = (out or Path(stated.out or Path("runs") / recipe.stem)) / "latents"
    backbone, data = stated.load_backbone(), stated.load_dataset()
    encode_cache(backbone, data, folder, batch_size=batch_size, precision=precision, device=device, progress=not quiet)
    click.echo(f"{len(data)} latents of {data.name} in {folder}")

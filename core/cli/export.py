"""`unbraid export`: backbone and head as an ONNX bundle."""

from pathlib import Path
from typing import Any

import click

#: Images of a recipe's data set on which torch and onnxruntime are compared.
IMAGES = 257


@click.command("export")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write; `bundle` beside the head by default.")
@click.option("--opset", default=20, show_default=True, help="Version of the ONNX operator set, 18 to 23.")
@click.option("--samples", default=8, show_default=True, help="Rows in and out kept with the bundle.")
def command(source: Path, out: Path | None, opset: int, samples: int) -> None:
    """Write a head and its backbone as an ONNX bundle.

    SOURCE is the folder of a head, or the recipe `unbraid fit` made it from; with a recipe, torch and onnxruntime are
    compared on images of its test split.
    """
    import unbraid  # here, because it imports torch, which --help must not

    head, images = _from_recipe(source) if source.is_file() else (source, None)
    model = unbraid.load(head)
    report = model.export(out or head.parent / "bundle", opset=opset, samples=samples, images=images)
    click.echo(str(report))


def _from_recipe(path: Path) -> tuple[Path, Any]:
    """Give the folder of the head a recipe made, and images of its data set."""
    from unbraid.core.errors import ConfigError
    from unbraid.core.recipe import load_recipe

    recipe = load_recipe(path)
    if recipe.out is None:
        hint = "add `out: my-run`, or pass the folder of the head"
        raise ConfigError(f"{path.name} does not say where its head is", expected="out", found="nothing", hint=hint)
    head = Path(recipe.out) / "head"
    if not head.is_dir():
        raise ConfigError("this recipe has no head yet", expected=head, found="nothing", hint=f"unbraid fit {path}")
    return head, _test_images(recipe.load_dataset())


def _test_images(data: Any) -> Any:
    rows = data.rows(content="test")
    return data.images[rows[:IMAGES]]

"""`unbraid export`: backbone and head as an ONNX bundle."""

import math
from pathlib import Path
from typing import Any

import click

from unbraid.core.bundle.names import DEFAULT_HEAD
from unbraid.core.errors import ConfigError

#: Images of a recipe's data set on which torch and onnxruntime are compared.
IMAGES = 257


@click.command("export")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE | NAME=SOURCE...")
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a recipe's setting.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write; `bundle` beside the head by default.")
@click.option("--opset", type=click.IntRange(18, 23), default=20, show_default=True, help="ONNX operator set.")
@click.option(
    "--samples", type=click.IntRange(1, IMAGES), default=8, show_default=True, help="Rows in and out to keep."
)
@click.option("--web", type=click.Path(path_type=Path), help="Folder for a page that runs the bundle in a browser.")
@click.option(
    "--ort-web",
    type=click.Path(exists=True, path_type=Path),
    help="onnxruntime-web as npm packs it (.tgz) or in node_modules; fetched by npm by default.",
)
def command(
    sources: tuple[str, ...],
    assignments: tuple[str, ...],
    out: Path | None,
    opset: int,
    samples: int,
    web: Path | None,
    ort_web: Path | None,
) -> None:
    """Write a head and its backbone as an ONNX bundle, or several heads that share a backbone.

    SOURCE is the folder of a head, or the recipe `unbraid fit` made it from; with a recipe, torch and onnxruntime are
    compared on pictures of test classes rather than on noise. Several heads need names and --out:
    `unbraid export letters=runs/a/head digits=runs/b/head --out bundle`.
    """
    import unbraid  # here, because it imports torch, which --help must not
    from unbraid.core.export import export_bundle
    from unbraid.core.web import find_runtime, write_page_folder

    runtime = find_runtime(ort_web) if web else None  # before the work rather than after it
    found = {name: _located(path, assignments) for name, path in _named(sources).items()}
    if out is None and len(found) > 1:
        raise ConfigError("several heads, and no place for their bundle", expected="--out FOLDER", found="nothing")
    first, images = next(iter(found.values()))
    models = {name: unbraid.load(head) for name, (head, _) in found.items()}
    report = export_bundle(models, out or first.parent / "bundle", opset=opset, samples=samples, images=images)
    click.echo(str(report))
    if web and runtime:
        write_page_folder(report.path, web, runtime)
        click.echo(f"page: {web}; look at it: python -m http.server --bind 127.0.0.1 --directory {web}")
        if images is None:
            click.echo("  its samples are noise; export from the recipe for pictures")


def _named(sources: tuple[str, ...]) -> dict[str, Path]:
    """Read `SOURCE` or `NAME=SOURCE ...`."""
    found: dict[str, Path] = {}
    for source in sources:
        name, sign, path = ("", "", source) if Path(source).exists() else source.partition("=")
        if not sign and len(sources) > 1:
            raise ConfigError("several heads need names", expected="NAME=SOURCE", found=source)
        if (name or DEFAULT_HEAD) in found:
            raise ConfigError("two heads have one name", expected="different names", found=name)
        found[name or DEFAULT_HEAD] = Path(path or source)
    return found


def _located(source: Path, assignments: tuple[str, ...]) -> tuple[Path, Any]:
    """Give the folder of a head, and pictures where a recipe leads to some."""
    if not source.exists():
        raise ConfigError("there is nothing to export", expected="a head or a recipe", found=f"no {source}")
    return (source, None) if source.is_dir() else _from_recipe(source, assignments)


def _from_recipe(path: Path, assignments: tuple[str, ...]) -> tuple[Path, Any]:
    """Give the folder of the head a recipe made, and pictures of its data set."""
    from unbraid.core.recipe import load_recipe

    recipe = load_recipe(path, assignments)
    head = (Path(recipe.out) if recipe.out else Path("runs") / path.stem) / "head"
    if not head.is_dir():
        raise ConfigError("this recipe has no head yet", expected=head, found="nothing", hint=f"unbraid fit {path}")
    data = recipe.load_dataset()
    rows = data.rows(content="test")
    return head, data.images[rows[_spread(len(rows))]]


def _spread(count: int) -> list[int]:
    """Walk rows in steps of the golden ratio: wherever one stops, what was seen is of classes from all over.

    >>> _spread(8)
    [0, 5, 2, 7, 4, 1, 6, 3]
    """
    step = next(step for step in range(round(count * 0.618), count + 2) if math.gcd(step, count) == 1)
    return [row * step % count for row in range(min(count, IMAGES))]

"""`unbraid export`: backbone and head as an ONNX bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unbraid.core.bundle.names import DEFAULT_HEAD
from unbraid.core.errors import ConfigError
from unbraid.core.sample_images import IMAGES, sample_images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unbraid.core.export import Reduction
    from unbraid.core.interfaces import Dataset
    from unbraid.core.recipe import EvaluateSettings


@click.command("export")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE | NAME=SOURCE...")
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a recipe's setting.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write; `bundle` beside the head by default.")
@click.option("--opset", type=click.IntRange(18, 23), default=20, show_default=True, help="ONNX operator set.")
@click.option(
    "--samples", type=click.IntRange(1, IMAGES), default=8, show_default=True, help="Rows in and out to keep."
)
@click.option("--half", is_flag=True, help="Keep weights as float16, and measure what that costs on the recipe's data.")
@click.option("--int8", is_flag=True, help="Keep the matrices of heads as int8, and measure what that costs.")
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
    half: bool,
    int8: bool,
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
    first = next(iter(found.values()))
    reduction = _reduction(first, half, int8)
    models = {name: unbraid.load(source.head) for name, source in found.items()}
    path = out or first.head.parent / "bundle"
    report = export_bundle(models, path, opset=opset, samples=samples, images=first.pictures, reduction=reduction)
    click.echo(str(report))
    if web and runtime:
        write_page_folder(report.path, web, runtime)
        click.echo(f"page: {web}; look at it: python -m http.server --bind 127.0.0.1 --directory {web}")
        if first.data is None:
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


@dataclass(frozen=True, slots=True)
class _Source:
    """A head, and what its recipe says of data and metrics where there is one."""

    head: Path
    data: "Dataset | None" = None
    evaluate: "EvaluateSettings | None" = None

    @property
    def pictures(self) -> "NDArray[np.uint8] | None":
        """Pictures of test classes, `(N, C, H, W)`, from all over the data set."""
        if self.data is None:
            return None
        return sample_images(self.data, content="test")


def _reduction(source: _Source, half: bool, int8: bool) -> "Reduction | None":
    from unbraid.core.export.reducing import METRICS, Reduction

    if not (half or int8):
        return None
    if source.data is None or source.evaluate is None:
        hint = "export the recipe that made the head, so that the cost can be measured on its data"
        raise ConfigError("a head alone has no data to measure on", expected="a recipe", found="a head", hint=hint)
    settings = source.evaluate
    metrics = settings.metrics if isinstance(settings.metrics, Mapping) else {}
    return Reduction(
        data=source.data,
        half=half,
        int8=int8,
        episodes=settings.episodes,
        seed=settings.seed,
        metrics={name: metrics.get(name, {}) for name in METRICS},
    )


def _located(source: Path, assignments: tuple[str, ...]) -> _Source:
    if not source.exists():
        raise ConfigError("there is nothing to export", expected="a head or a recipe", found=f"no {source}")
    return _Source(source) if source.is_dir() else _from_recipe(source, assignments)


def _from_recipe(path: Path, assignments: tuple[str, ...]) -> _Source:
    """Give the head a recipe made, and its data set."""
    from unbraid.core.recipe import load_recipe

    recipe = load_recipe(path, assignments)
    head = (Path(recipe.out) if recipe.out else Path("runs") / path.stem) / "head"
    if not head.is_dir():
        raise ConfigError("this recipe has no head yet", expected=head, found="nothing", hint=f"unbraid fit {path}")
    return _Source(head, recipe.load_dataset(), recipe.evaluate)

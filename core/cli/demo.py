"""`unbraid demo`: the whole way on embedded data, offline."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unbraid.core.sample_images import sample_images

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel
    from unbraid.core.evaluation import Evaluation
    from unbraid.core.interfaces import Dataset

#: Run by a fresh interpreter in which torch cannot be imported.
WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
import unbraid
bundle = unbraid.load_bundle(sys.argv[1])
print(json.dumps(bundle.verify()))
"""


@click.command(name="demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("unbraid-demo"), help="Folder of the results.")
@click.option("--set", "assignments", multiple=True, metavar="SECTION.NAME=VALUE", help="Override a setting.")
def command(out: Path, assignments: tuple[str, ...]) -> None:
    """Attach FDEN to a frozen VAE of typed characters, train, measure, export, and run the export without torch."""
    from unbraid.core.artefacts import atomic_folder

    begun = time.monotonic()
    with atomic_folder(out, kind="demo") as folder:
        model, data, evaluation = _train(folder, assignments)
        _report(folder, model, data, evaluation)
        _export(folder, model, data)
    click.echo(f"\nDone in {time.monotonic() - begun:.0f} s. In {out}/: report.html, metrics.json, head/, bundle/\n")
    click.echo("Things to try next:")
    for line, why in (
        (f"unbraid serve {out / 'bundle'}", "a page to play with (pip install 'unbraid[serve]')"),
        (f"unbraid evaluate {out / 'head'} --dataset glyphs", "the same figures from the saved head"),
        ("unbraid list methods", "what else can be attached"),
        ('python -c "import unbraid; help(unbraid.freeze)"', "attach to a model of your own"),
    ):
        click.echo(f"  {line:<58}  # {why}")


def _train(folder: Path, assignments: tuple[str, ...]) -> "tuple[AttachedModel, Dataset, Evaluation]":
    from unbraid.core.attached import attach
    from unbraid.core.config import config_to_dict
    from unbraid.core.recipe import load_recipe
    from unbraid.core.report.headline import headlines

    with as_file(files("unbraid.core.cli") / "demo.yaml") as path:
        recipe = load_recipe(path, assignments)
    assert recipe.method is not None
    with _stage("frozen VAE and glyphs"):
        data = recipe.load_dataset()
        model = attach(recipe.method.name, recipe.load_backbone(), config=recipe.method.config, seed=recipe.fit.seed)
        recipe.save(folder)
    click.echo(f"{model!r}\n  {len(data)} images: {data.content.count} characters x {_styles(data)} typefaces")
    with _stage("training the head; the VAE stays as it is"):
        model.fit(data, **config_to_dict(recipe.fit))
    model.save(folder / "head")
    with _stage("measuring on characters and typefaces the head never saw"):
        evaluation = model.evaluate(data, **config_to_dict(recipe.evaluate))
    evaluation.save(folder / "metrics.json")
    click.echo("\nIn short:\n" + "\n".join(f"  {line}" for line in headlines(evaluation)))
    click.echo("\n" + evaluation.table())
    return model, data, evaluation


def _report(folder: Path, model: "AttachedModel", data: "Dataset", evaluation: "Evaluation") -> None:
    from unbraid.core.report import illustrate, write_report

    with _stage("drawing swaps, writing the report"):
        shown = illustrate(model, data)
        (folder / "swaps.png").write_bytes(shown.pictures[0].png)
        write_report(folder / "report.html", evaluation=evaluation, illustrations=shown, model=model)


def _export(folder: Path, model: "AttachedModel", data: "Dataset") -> None:
    with _stage("exporting to ONNX"):
        report = model.export(folder / "bundle", images=sample_images(data, content="test", style="test"))
    with _stage("running the export in a process without torch"):
        child = [sys.executable, "-c", WITHOUT_TORCH, str(folder / "bundle")]
        found = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    for name, graph in report.graphs.items():
        off = f"{graph.tolerance.max_abs:.0e} from torch at most, {found[name]:.0e} in the process without torch"
        click.echo(f"  {name}: {graph.bytes:,} bytes, {off}")


def _styles(data: "Dataset") -> int:
    return data.style.count if data.style else 0


@contextmanager
def _stage(what: str) -> Iterator[None]:
    click.echo(f"· {what} ...")
    begun = time.monotonic()
    yield
    click.echo(f"  {time.monotonic() - begun:.1f} s")

"""`unbraid bundle`: look at what `unbraid export` wrote."""

from pathlib import Path

import click


@click.group("bundle")
def command() -> None:
    """Look at what `unbraid export` wrote; needs no torch."""


@command.command("verify")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--tolerance", type=click.FloatRange(min=0), help="Largest relative difference of the samples.")
def verify(folder: Path, tolerance: float | None) -> None:
    """Check a bundle: hashes, links, names, operators, and that its graphs give here what they gave at export.

    Whatever is wrong ends it with exit code 1. No file reaches onnxruntime before all were checked.
    """
    from unbraid.core.errors import UnbraidError
    from unbraid.core.serving.verifying import verify_bundle

    try:
        for what, found in verify_bundle(folder, tolerance=tolerance):
            click.echo(f"{what + ':':<24} {found}")
    except UnbraidError as error:
        error.exit_code = 1  # type: ignore[misc]  # the bundle is at fault, not who asked
        raise
    click.echo("the bundle is whole")

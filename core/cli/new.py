"""`unbraid new`: the first version of a plug-in."""

from pathlib import Path

import click

from unbraid.registry import get_registry
from unbraid.registry.new_plugin import KINDS, NewKind, NewPlugin


@click.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="method", show_default=True, help="What it adds.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to make its folder; default: here.",
)
def command(name: str, kind: NewKind, out: Path) -> None:
    """Write a small plug-in NAME that installs, is listed, passes its own tests and works as it is.

    It is a distribution unbraid-NAME in the folder NAME. Nothing is ever overwritten.
    """
    new = NewPlugin(name=name, kind=kind)
    new.check_free(get_registry())
    folder = new.write(out)
    click.echo(f"written: {folder}")
    for path in sorted(new.files()):
        click.echo(f"  {path}")
    click.echo("next:")
    click.echo(f"  pip install -e '{folder.name}[test]'")
    click.echo(f"  unbraid list {'methods' if kind == 'method' else f'{kind}s'}")
    click.echo(f"  unbraid check {name}")
    click.echo(f"  cd {folder.name} && python -m pytest")
    if kind == "method":
        click.echo("  unbraid fit recipe.yaml")

"""`unbraid plugins`: what is installed, from metadata alone."""

import json

import click

from unbraid.core.cli.table import format_table
from unbraid.registry import InstalledPlugin, installed_plugins


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(as_json: bool) -> None:
    """Show the installed plug-ins without running any of their code.

    Use `unbraid list` to see what they provide and which of them fail to load.
    """
    rows = [_row(plugin) for plugin in installed_plugins()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        click.echo(format_table(rows))
    else:
        click.echo("no plug-in is installed, not even the built-ins; in a checkout: pip install -e .")


def _row(plugin: InstalledPlugin) -> dict[str, str]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
    }

"""A click group whose commands are dotted strings, so that `--help` imports none of them."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from unbraid.registry.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command lives and its line in `unbraid --help`."""

    target: str
    summary: str

    def load(self) -> click.Command:
        """Import the command.

        Returns:
            The click command.
        """
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


class LazyGroup(click.Group):
    """A group that imports a command when it is called.

    Args:
        table: Command name to where it lives, in the order of `--help`.
        **attributes: As for `click.Group`.
    """

    def __init__(self, *, table: Mapping[str, LazyCommand] | None = None, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.table = dict(table or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, or give None where the name is unknown."""
        return self.table[cmd_name].load() if cmd_name in self.table else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed; an unknown one is answered with near matches."""
        name = args[0]
        if name not in self.table and not name.startswith("-") and not ctx.resilient_parsing:
            raise UnknownNameError("command", name, self.table, hint="`unbraid --help` says what each does")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table; click's own version imports every command to read its help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in self.table.items()])

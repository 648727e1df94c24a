"""The table of commands."""

import os

import click

from unbraid.core.cli.lazy import LazyCommand, LazyGroup
from unbraid.core.errors import ConfigError

HOME = "unbraid.core.cli"

COMMANDS = {
    "demo": LazyCommand(f"{HOME}.demo:command", "Data, backbone, head, report and bundle in a few minutes, offline."),
    "list": LazyCommand(f"{HOME}.list:command", "Show the methods, backbones, data sets and metrics there are."),
    "plugins": LazyCommand(f"{HOME}.plugins:command", "Show the installed plug-ins without running their code."),
    "new": LazyCommand(f"{HOME}.new:command", "Write a small plug-in that works as it is, to start from."),
    "check": LazyCommand(f"{HOME}.check:command", "Hold a plug-in to its contract; say what to mend."),
    "backbone": LazyCommand(f"{HOME}.backbone:command", "Look at a backbone, measure it, convert checkpoints."),
    "pretrain": LazyCommand(f"{HOME}.pretrain:command", "Train a backbone from a recipe."),
    "encode": LazyCommand(f"{HOME}.encode:command", "Encode the data of a recipe, on several processes if need be."),
    "fit": LazyCommand(f"{HOME}.fit:command", "Train a head on a frozen backbone from a recipe."),
    "evaluate": LazyCommand(f"{HOME}.evaluate:command", "Measure how far the factors of a head came apart."),
    "compare": LazyCommand(f"{HOME}.compare:command", "Fit and measure several methods with several seeds."),
    "export": LazyCommand(f"{HOME}.export:command", "Write backbone and head as an ONNX bundle."),
    "bundle": LazyCommand(f"{HOME}.bundle:command", "Check what export wrote: hashes, operators, samples."),
    "serve": LazyCommand(f"{HOME}.serve:command", "Answer over HTTP with the graphs and verbs of bundles."),
}

#: Each of these writes one folder: several ranks would write over each other.
ALONE = ("demo", "pretrain", "fit", "evaluate", "compare", "export")


@click.group(cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="unbraid", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Attach disentanglers to frozen pretrained models."""
    ranks = os.environ.get("WORLD_SIZE", "1")
    if context.invoked_subcommand in ALONE and "TORCHELASTIC_RUN_ID" in os.environ and ranks != "1":
        raise ConfigError(
            f"unbraid {context.invoked_subcommand} does not divide its work",
            expected="one process",
            found=f"torchrun with {ranks}",
            hint="encode under torchrun first (unbraid encode), then run this without it: it reads those latents",
        )

"""`unbraid backbone`: look at a backbone, measure it, and convert published checkpoints."""

import json
from pathlib import Path
from typing import Any

import click

from unbraid.core.cli.table import format_table


@click.group("backbone")
def command() -> None:
    """Look at a backbone, measure it, or convert published checkpoints."""


@command.command("info")
@click.argument("name_or_file")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of the adapter.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def info(name_or_file: str, assignments: tuple[str, ...], as_json: bool) -> None:
    """Say what a backbone is: images, latent, inverse, capabilities, licence, fingerprint.

    NAME_OR_FILE is the name of an adapter, a folder of weights, a head, a recipe or an ONNX file.
    """
    from unbraid.core.backbone_check import describe, find_backbone

    described = describe(find_backbone(name_or_file, _settings(assignments)))
    click.echo(json.dumps(described, indent=2) if as_json else _lines(described))


@command.command("check")
@click.argument("name_or_file")
@click.option("--data", required=True, metavar="NAME", help="A data set; `unbraid list datasets`.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of the adapter.")
@click.option("--set-data", "of_data", multiple=True, metavar="NAME=VALUE", help="A setting of the data set.")
@click.option("--pictures", default=256, show_default=True, help="At most so many, spread evenly over the data.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def check(
    name_or_file: str,
    data: str,
    assignments: tuple[str, ...],
    of_data: tuple[str, ...],
    pictures: int,
    as_json: bool,
) -> None:
    """Say what a backbone is, and measure it: round trip of pictures and latents, speed, frozen or not.

    NAME_OR_FILE is the name of an adapter, a folder of weights, a head, a recipe or an ONNX file.
    """
    from unbraid.core.backbone_check import check_backbone, describe, find_backbone
    from unbraid.core.catalogue import load_dataset

    backbone = find_backbone(name_or_file, _settings(assignments))
    figures = check_backbone(backbone, load_dataset(data, **_settings(of_data)), pictures=pictures)
    if as_json:
        click.echo(json.dumps({**describe(backbone), "check": figures.to_dict()}, indent=2))
        return
    click.echo(_lines({**describe(backbone), **_figures(figures)}))


@command.command("convert")
@click.argument("adapter")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--licence", default="", help="Of the weights, where the adapter does not know the files.")
@click.option("--source", default="", help="Where they come from.")
@click.option("--trained-on", default="", metavar="DATASET:SPLIT", help="What they were trained on.")
def convert(adapter: str, files: tuple[Path, ...], out: Path, licence: str, source: str, trained_on: str) -> None:
    """Turn published checkpoints (.pt, .pth, .onnx) into weights that ADAPTER loads.

    Only tensors are unpickled: a file that holds code is refused, and its code is not run. FILES come in the order that
    the README of the adapter states, mostly encoder and decoder.
    """
    from unbraid.core.checkpoints import Statement
    from unbraid.core.checkpoints import convert as converted

    statement = Statement(licence=licence, source=source, trained_on=trained_on)
    click.echo(f"weights: {converted(adapter, files, out, statement=statement)}")
    click.echo(f"next: unbraid backbone info {out}")


def _settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    from unbraid.core.config import parse_assignment

    return {".".join(path): value for path, value in map(parse_assignment, assignments)}


def _lines(described: dict[str, str]) -> str:
    lines = format_table([{"what": name, "found": text} for name, text in described.items()])
    return lines.partition("\n")[2]  # the heads of the columns say nothing here


def _figures(figures: Any) -> dict[str, str]:
    constant = f"{figures.variance_psnr:.1f} dB for the best constant picture"
    there_and_back = "no decoder" if figures.psnr is None else f"{figures.psnr:.1f} dB ({constant})"
    relative = "no decoder" if figures.relative is None else f"{figures.relative:.3g} of the norm"
    return {
        "data": f"{figures.pictures} pictures of {figures.data}",
        "pictures back": there_and_back,
        "latents back": relative,
        "encodes": f"{figures.pictures_per_second:,.0f} pictures a second on {figures.cores} core(s) here",
        "frozen": "yes: weights, buffers, modes and flags are bit for bit what they were",
    }

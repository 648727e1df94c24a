"""`unbraid list`: what the installed plug-ins provide."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import click

from unbraid.core.cli.table import format_table
from unbraid.registry import (
    BackboneSpec,
    DatasetSpec,
    DisentanglerSpec,
    Entry,
    Manifest,
    MetricSpec,
    PluginLoadWarning,
    Registry,
    get_registry,
    missing_requirements,
)

#: Longest a manifest may take to import, in seconds, before it is named as slow.
PATIENCE = 0.2

Item = dict[str, Any]


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(["methods", "backbones", "datasets", "metrics"]))
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """Show the methods, backbones, data sets and metrics there are, or only those of one KIND.

    Plug-ins that fail to load, or whose manifest is slow, are named on stderr.
    """
    with warnings.catch_warnings():
        # The failures are printed below the table instead.
        warnings.simplefilter("ignore", PluginLoadWarning)
        registry = get_registry()
    items = {name: _items(registry, name) for name in (TABLES if kind is None else (kind,))}
    if as_json:
        click.echo(json.dumps({**items, "failures": _failures(registry), "slow": _slow(registry)}, indent=2))
        return
    click.echo("\n\n".join(_section(name, rows) for name, rows in items.items()))
    for failed in registry.failures:
        click.echo(failed.message, err=True)
    if registry.failures:
        click.echo("UNBRAID_STRICT_PLUGINS=1 shows the traceback of the first", err=True)
    for note in _slow(registry):
        click.echo(note["problem"], err=True)


def _method(spec: DisentanglerSpec) -> Item:
    return {
        "supervision": spec.supervision,
        "factors": [f"{name} ({role})" for name, role in spec.factors.items()],
        "needs": sorted(spec.needs),
        "presets": sorted(spec.presets),
        "paper": spec.reference,
    }


def _backbone(spec: BackboneSpec) -> Item:
    return {"inverse": spec.inverse, "pretrain": spec.pretrain is not None}


def _dataset(spec: DatasetSpec) -> Item:
    return {"content": spec.content, "style": spec.style}


def _metric(spec: MetricSpec) -> Item:
    return {"needs": sorted(spec.needs)}


#: Section -> what the registry holds of it, and its columns.
TABLES: Mapping[str, tuple[Callable[[Registry], Mapping[str, Entry[Any]]], Callable[[Any], Item]]] = {
    "methods": (Registry.disentanglers, _method),
    "backbones": (Registry.backbones, _backbone),
    "datasets": (Registry.datasets, _dataset),
    "metrics": (Registry.metrics, _metric),
}


def _items(registry: Registry, section: str) -> list[Item]:
    entries, columns = TABLES[section]
    return [
        {
            "name": name,
            **columns(entry.spec),
            "summary": entry.spec.summary,
            "provider": entry.distribution,
            "version": entry.version,
            "missing": list(missing_requirements(entry.spec)),
        }
        for name, entry in entries(registry).items()
    ]


def _section(title: str, items: list[Item]) -> str:
    return f"{title}\n{format_table([_row(item) for item in items], indent='  ') or '  (none)'}"


def _row(item: Item) -> dict[str, str]:
    texts = {name: _text(value) for name, value in item.items() if name not in ("version", "provider", "missing")}
    if item["provider"] == "unbraid":
        provider = ""
    else:
        provider = f"{item['provider']} {item['version']}".strip()
    if "paper" in item:
        texts["paper"] = _cited(item["paper"])
    missing = f"pip install {' '.join(item['missing'])}" if item["missing"] else ""
    return {**texts, "provider": provider, "not installed": missing}


def _cited(reference: str) -> str:
    """Shorten a reference to authors, year and number: titles are in the JSON."""
    authors, number = re.match(r".*?\d{4}", reference), re.search(r"arXiv:[\d.]+", reference)
    return ", ".join(found[0] for found in (authors, number) if found)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _failures(registry: Registry) -> list[Item]:
    return [
        {
            "name": failed.name,
            "distribution": failed.distribution,
            "version": failed.version,
            "stage": failed.stage,
            "error": f"{type(failed.error).__name__}: {failed.error}",
            "traceback": failed.traceback,
        }
        for failed in registry.failures
    ]


def _slow(registry: Registry) -> list[Item]:
    notes = [(manifest, _complaint(manifest)) for manifest in registry.manifests]
    return [{"name": manifest.name, "problem": problem} for manifest, problem in notes if problem]


def _complaint(manifest: Manifest) -> str:
    if manifest.heavy:
        return f"the manifest of plug-in {manifest.label} imports {', '.join(manifest.heavy)}: it slows every command"
    if manifest.seconds > PATIENCE:
        return f"the manifest of plug-in {manifest.label} took {manifest.seconds * 1000:.0f} ms: it slows every command"
    return ""

"""`unbraid check`: hold a plug-in to its contract without writing a test."""

import json
from collections.abc import Mapping
from typing import Any

import click

from unbraid.core.config import parse_assignment
from unbraid.core.errors import ConfigError, UnbraidError, UnknownNameError
from unbraid.registry import get_registry
from unbraid.registry.entries import matching

FAILED = 1
KINDS = ("method", "backbone", "dataset", "metric")


@click.command("check")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Of plug-in, where several have the name.")
@click.option("--group", "groups", multiple=True, help="Only this group, or this check; may be repeated.")
@click.option("--on", "backbones", multiple=True, help="Toy backbone for a method, or 'all'; may be repeated.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of the plug-in.")
@click.option("--preset", help="Of a method.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(
    name: str,
    kind: str | None,
    groups: tuple[str, ...],
    backbones: tuple[str, ...],
    assignments: tuple[str, ...],
    preset: str | None,
    as_json: bool,
) -> None:
    """Hold the plug-in NAME to its contract: what must be there, what breaks without it, and what to do.

    Methods are checked on toy backbones. Exits with 1 where a check fails. Authors run the same checks in pytest with
    `unbraid.testing.parametrize_with_checks`.
    """
    from unbraid.registry.conformance import TOY_BACKBONES, Report, suite_of

    chosen = kind or kind_of(name)
    options: dict[str, Any] = {"settings": _settings(assignments), "groups": groups or None}
    if chosen == "method":
        options |= {"preset": preset, "backbones": (TOY_BACKBONES if "all" in backbones else backbones) or None}
    elif preset or backbones:
        raise ConfigError("--preset and --on are for methods", expected="a method", found=f"the {chosen} {name}")
    suite = suite_of(chosen, name, **options)  # type: ignore[arg-type]
    results = []
    for bound in suite:
        results.append(bound.run())
        if not as_json:
            _show(results[-1])
    report = Report(name, results)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        click.echo(f"\n{name}: {report.summary}, {sum(result.seconds for result in report):.1f} s")
    if not report.ok:
        click.get_current_context().exit(FAILED)


def kind_of(name: str) -> str:
    """Find the one kind of plug-in that has a name.

    Raises:
        UnknownNameError: none has it.
        ConfigError: several have.
    """
    registry = get_registry()
    tables: Mapping[str, Any] = {
        "method": registry.disentanglers(),
        "backbone": registry.backbones(),
        "dataset": registry.datasets(),
        "metric": registry.metrics(),
    }
    found = [kind for kind, table in tables.items() if matching(table.values(), name)]
    if len(found) > 1:
        raise ConfigError(
            f"several kinds of plug-in are called {name!r}",
            expected="--kind",
            found=", ".join(found),
            hint=f"--kind {found[0]}",
        )
    if not found:
        _raise_why(name, tables)
    return found[0]


def _raise_why(name: str, tables: Mapping[str, Any]) -> None:
    """Raise the registry's own answer, which knows what failed to load, or near matches among all kinds."""
    for kind in KINDS:
        try:
            get_registry().resolve(kind, name)  # type: ignore[call-overload]
        except UnknownNameError:
            continue
        except UnbraidError:
            raise
    raise UnknownNameError("plug-in", name, {each for table in tables.values() for each in table})


def _settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for text in assignments:
        path, value = parse_assignment(text)
        if len(path) != 1:
            raise ConfigError("a setting of a plug-in has no dots", expected="NAME=VALUE", found=text)
        found[path[0]] = value
    return found


def _show(result: Any) -> None:
    mark = {"passed": "ok", "failed": "FAILED", "skipped": "-", "expected failure": "expected"}[result.status]
    note = f"  {result.message}" if result.status in ("skipped", "expected failure") else ""
    click.echo(f"{mark:<9} {result.label:<36} {result.seconds:6.2f} s{note}".rstrip())
    if result.status == "failed":
        told = (("", result.message), ("breaks:   ", result.breaks), ("mend:     ", result.mend))
        for title, text in told:
            for line in f"{title}{text}".splitlines() if text else ():
                click.echo(f"            {line}")

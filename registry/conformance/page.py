"""`docs/conformance.md`, from the docstrings of the checks: `python -m unbraid.registry.conformance.page > docs/conformance.md`."""

import sys

from unbraid.registry.conformance import KINDS, TOLERANCES, TOY_BACKBONES
from unbraid.registry.conformance.check import Check, Kind, checks_of

_TITLES: dict[Kind, str] = {
    "method": "Methods",
    "backbone": "Backbones",
    "dataset": "Data sets",
    "metric": "Metrics",
}

_HEAD = """\
# The conformance suite

Every plug-in promises something to everybody who uses it. The suite checks the promises, one small check each, says what
breaks in practice where one is not kept, and what to do. The built-in methods, backbones, data sets and metrics pass it
without expected failures.

```
unbraid check my-method                         # the table; exits with 1 where a check fails
unbraid check my-method --group frozen --json
unbraid check my-method --on all --set width=4  # on every toy backbone
```

In pytest:

```python
from unbraid.testing import parametrize_with_checks


@parametrize_with_checks("my-method", settings={"width": 4}, expected_failures={"rows.empty": "why it has to"})
def test_contract(check):
    check()
```

`check_disentangler`, `check_backbone`, `check_dataset` and `check_metric` give a report instead. What is checked is a
name, a spec, or the class, function or object itself. Keep networks small by `settings`: a method is trained for a few
steps, several times, on each backbone.

A check **passes**, **fails**, or is **skipped** with the reason: because the plug-in does not claim an ability, or because
what the check looks at could not be made, which another check then reports. Failures that are **expected** are given by
the caller as `id` or `id@backbone` with a reason. They are strict: one that passes is a failure. Ids are stable.

What may change from version to version, and what may not, is in [stability](stability.md).
"""


def page() -> str:
    """Write the page."""
    parts = [_HEAD, _toys(), _tolerances()]
    parts += [_kind(kind) for kind in KINDS]
    return "\n".join(parts)


def _toys() -> str:
    rows = "\n".join(f"| `{name}` | {_line(make.__doc__)} |" for name, make in TOY_BACKBONES.items())
    return (
        "## Toy backbones\n\nMethods are checked on `vector` and `map` unless told otherwise; a method may refuse some with a "
        f"`CapabilityError`, not all.\n\n| name | latents, and the habit that breaks naive methods |\n| --- | --- |\n{rows}\n"
    )


def _tolerances() -> str:
    rows = "\n".join(f"| {str(dtype).removeprefix('torch.')} | {bound:.0e} |" for dtype, bound in TOLERANCES.items())
    return (
        "## Tolerances\n\nOne table, relative to the largest value where that exceeds 1. Whatever runs twice on one machine is "
        f"compared bit for bit.\n\n| dtype | largest difference |\n| --- | --- |\n{rows}\n"
    )


def _kind(kind: Kind) -> str:
    own = [check for check in checks_of(kind) if check.kinds[0] == kind]
    lines = [f"## {_TITLES[kind]}\n"]
    group = ""
    for check in own:
        if check.group != group:
            group = check.group
            lines.append(f"### {_TITLES[kind]}: {group}\n")
        lines.append(_check(check))
    shared = sorted({check.group for check in checks_of(kind)} - {check.group for check in own})
    if shared:
        lines.insert(1, f"The groups {' and '.join(f'`{name}`' for name in shared)} are as for methods.\n")
    return "\n".join(lines)


def _check(check: Check) -> str:
    return f"**`{check.id}`** {check.promise}\n\n- Breaks: {check.breaks}\n- Mend: {check.mend}\n"


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    sys.stdout.write(page())

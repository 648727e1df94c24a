"""The model card of a head."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from unbraid.core.evaluation.figure import RANDOM, RAW
from unbraid.core.evaluation.formatting import format_interval, format_value

if TYPE_CHECKING:
    from unbraid.core.evaluation import Evaluation, Figure


def model_card(config: Mapping[str, Any], evaluation: "Evaluation | None" = None) -> str:
    """Write the `README.md` of a head from its `config.json`.

    Args:
        config: what `describe` gives.
        evaluation: of this head; its headline figures become a table.

    Returns:
        Markdown with the YAML header that model hubs read.
    """
    method = config["method"]
    header = {
        "library_name": "unbraid",
        "base_model_relation": "adapter",
        "tags": ["unbraid", "disentanglement", method["name"]],
    }
    factors = "\n".join(
        f"| {f['name']} | {f['role']} | {' x '.join(map(str, f['shape']))} |" for f in config["factors"]
    )
    backbones = "\n".join(
        f"- {name}: {b['adapter']}, images {' x '.join(map(str, b['input']))}, latent "
        f"{' x '.join(map(str, b['latent']['shape']))}, licence {b['licence'] or 'not stated'}\n  `{b['fingerprint']}`"
        for name, b in config["backbones"].items()
    )
    return f"""---
{yaml.safe_dump(header, sort_keys=False).strip()}
---

# {method["name"]} head

A disentangler for a frozen backbone, trained with `{method["name"]}` of {method["distribution"]} {method["version"]}.
It works on this backbone only:

{backbones}

| factor | role | shape |
| --- | --- | --- |
{factors}

```python
import unbraid

model = unbraid.load("path/to/this/folder")
factors = model.disentangle(images)
```
{_figures(evaluation) if evaluation else ""}"""


def _figures(evaluation: "Evaluation") -> str:
    """Write the section of figures, with what it takes to judge them."""
    protocol = evaluation.protocol
    shown = [figure for figure in evaluation.figures if figure.headline and figure.value is not None]
    rows = "\n".join(_row(figure) for figure in shown)
    return f"""
## Figures

Measured on `{protocol["dataset"]["name"]}` (`{protocol["dataset"]["fingerprint"]}`), seed {protocol["seed"]},
{protocol["episodes"]} episodes, unbraid {protocol["versions"]["unbraid"]}.
Did the backbone see the test classes? {protocol["backbone_saw_test_classes"]}.

| figure | value | 95 % | chance | {RAW} | {RANDOM} | best |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

95 %: over the episodes, samples or contents at hand. {RAW}: the frozen latent without this head; {RANDOM}: this head,
untrained. A head that beats neither has learned nothing that shows here.
"""


def _row(figure: "Figure") -> str:
    unit = figure.unit
    cells = [
        figure.name,
        format_value(figure.value, unit),
        format_interval(figure.interval, unit),
        format_value(figure.chance, unit),
        *(format_value(figure.baselines.get(name), unit) for name in (RAW, RANDOM)),
        "high" if figure.higher_is_better else "low",
    ]
    return f"| {' | '.join(cells)} |"

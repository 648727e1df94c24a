"""What each kind of attacker read from each factor, as one table."""

from collections.abc import Iterable, Mapping
from typing import Any

from unbraid.core.evaluation import RAW, Figure
from unbraid.core.evaluation.formatting import format_value

#: The baseline of attackers trained on labels in random order.
SHUFFLED = "shuffled labels"


def attacker_table(figures: Iterable[Figure]) -> list[dict[str, str]]:
    """Give one row a factor and label: accuracy of each kind of attacker, beside guessing and the raw latents.

    Args:
        figures: of an evaluation; those whose protocol holds attacks are in the table.
    """
    return [_row(figure, figure.protocol["attacks"]) for figure in figures if figure.protocol.get("attacks")]


def _row(figure: Figure, attacks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    kind, _, rest = figure.name.partition("/")
    read = {name: format_value(attack["accuracy"], "share") for name, attack in attacks.items()}
    nats = figure.protocol.get("information_nats") or {}
    return {
        "factor": figure.factor or "-",
        "label": rest.rpartition("/")[2],
        "is": kind,
        **read,
        "guessing": format_value(figure.chance, "share"),
        **{name: format_value(figure.baselines.get(name), "share") for name in (RAW, SHUFFLED)},
        "nats": format_value(nats.get("factor"), "nats"),
        "nats, raw": format_value(nats.get(RAW), "nats"),
    }

"""Every built-in method keeps every promise, without expected failures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from unbraid.registry import get_registry
from unbraid.testing import TOY_BACKBONES, check_disentangler, checks_of, toy_dataset

#: Groups that take seconds where the others take tenths.
EXPENSIVE = {"export", "evaluation"}
CHEAP = sorted({check.group for check in checks_of("method")} - EXPENSIVE)


@dataclass(frozen=True)
class Row:
    """A method on a backbone with all checks, and on others with the cheap ones."""

    method: str
    on: str
    also: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    preset: str | None = None
    missing: float = 0.0
    slow: bool = False

    def __str__(self) -> str:
        shown = [self.method, self.on, str(self.settings.get("map", "")), self.preset or ""]
        return "-".join(part for part in [*shown, "partial" if self.missing else ""] if part)


#: Layers that fit a toy.
FDEN = {
    **{name: (16,) for name in ("trunk", "branch", "entangler_branch", "entangler", "critic")},
    "episodes": 2,
}
JADE = {"encoder": (16,), "decoder": (16,), "classifier": (16,)}
PROTOTYPE = {"hidden": (8,), "width": 5}
OTHERS = tuple(name for name in TOY_BACKBONES if name not in ("vector", "map"))

ROWS = [
    Row("fden", "vector", OTHERS, FDEN),
    Row("fden", "map", settings={**FDEN, "map": "flattened"}, slow=True),
    Row("fden", "map", settings={**FDEN, "map": "pooled", "alignment": "relation"}, slow=True),
    Row("fden", "map", settings={**FDEN, "map": "positions", "factor_width": 2}, slow=True),
    Row("prototype", "map", ("vector",), {**PROTOTYPE, "map": "pooled"}),
    Row("prototype", "map", settings={**PROTOTYPE, "map": "positions"}, slow=True),
    Row("matching", "vector", ("map",)),
    Row("slice", "vector", ("no-decoder",), {"specified": (4, 8), "unspecified": (0, 3)}),
    Row("cycle_vae", "vector", ("map",), {"hidden": (16,), "cycle_through": "pixels", "adversary": "both"}),
    Row("cycle_vae", "pixels", settings={"channels": (4,)}, preset="paper", slow=True),
    Row("mathieu", "vector", ("map",), {"hidden": (16,), "accuracy_limit": 0.6}),
    Row("szabo", "map", ("vector",), {"hidden": (16,), "discriminate": "pixels"}),
    Row("nvae", "vector", ("map",)),
    Row("nvae", "vector", missing=0.4, slow=True),
    Row("m2", "vector", ("map",)),
    Row("m2", "vector", missing=0.4, slow=True),
    Row("dr_gan", "vector", ("map",)),
    Row("jade", "vector", ("map",), JADE),
]


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row), marks=[pytest.mark.slow] * row.slow) for row in ROWS])
def test_a_built_in_method_keeps_every_promise(row: Row) -> None:
    options = {"settings": row.settings, "preset": row.preset, "dataset": toy_dataset(row.missing)}
    report = check_disentangler(row.method, backbones=[row.on], **options)
    assert report.ok and len(report) == len(checks_of("method"))
    if row.also:
        check_disentangler(row.method, backbones=row.also, groups=CHEAP, **options)


def test_every_built_in_method_is_checked() -> None:
    built_in = {name for name, entry in get_registry().disentanglers().items() if entry.built_in}
    assert built_in == {row.method for row in ROWS if not row.slow}

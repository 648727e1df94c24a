"""What the tests of a plug-in need: the conformance suite, toys, and a registry that holds exactly what a test wants.

```python
from unbraid.testing import parametrize_with_checks

@parametrize_with_checks("my-method", settings={"width": 4})
def test_contract(check):
    check()
```

`unbraid check my-method` does the same without a test. Importing this module costs nothing: torch is imported when one of
the checks is.

>>> from unbraid.testing import Registry, use_registry
>>> with use_registry(Registry.empty()) as registry:
...     registry.failures
()
"""

from typing import TYPE_CHECKING

from unbraid.registry import Registry, use_registry

if TYPE_CHECKING:
    from unbraid.registry.conformance import (
        TOLERANCES,
        TOY_BACKBONES,
        Check,
        CheckResult,
        ConformanceError,
        Report,
        check_backbone,
        check_dataset,
        check_disentangler,
        check_metric,
        checks_of,
        parametrize_with_checks,
        toy_backbone,
        toy_dataset,
        toy_evidence,
    )
else:
    # Type checkers never see this half: a `__getattr__` they can see would hide every misspelt name from them.
    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        from unbraid.registry import conformance

        value = getattr(conformance, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "TOLERANCES",
    "TOY_BACKBONES",
    "Check",
    "CheckResult",
    "ConformanceError",
    "Registry",
    "Report",
    "check_backbone",
    "check_dataset",
    "check_disentangler",
    "check_metric",
    "checks_of",
    "parametrize_with_checks",
    "toy_backbone",
    "toy_dataset",
    "toy_evidence",
    "use_registry",
]

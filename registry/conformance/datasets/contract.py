"""What a data set says of itself."""

from unbraid.registry.conformance.check import Skip, check, require
from unbraid.registry.conformance.dataset_case import DatasetCase


@check("contract", "dataset")
def loads(case: DatasetCase) -> None:
    """The adapter gives a data set for its settings.

    Breaks: nothing at all works.

    Mend: see the error; the target is called with the config and returns a `Dataset`.
    """
    _ = case.dataset


@check("contract", "dataset")
def licence(case: DatasetCase) -> None:
    """The data set says under which licence its pictures are.

    Breaks: nobody knows whether a head trained on them may be passed on.

    Mend: `licence=` of the `Dataset`; `not stated` where the publisher does not say.
    """
    if "path" in case.config_fields():
        raise Skip("reads its user's own files")
    require(
        case.dataset.licence.strip(), "no licence is stated", expected="a licence, or 'not stated'", found="nothing"
    )


@check("contract", "dataset")
def fingerprint(case: DatasetCase) -> None:
    """Loaded twice, it has the same fingerprint.

    Breaks: caches and runs are refused as belonging to other data, every time.

    Mend: sort what a folder lists, and give every random number a fixed seed.
    """
    first, again = case.dataset.fingerprint, case.load().fingerprint
    require(first == again, "two loads give two data sets", expected=first, found=again)


@check("contract", "dataset")
def roles(case: DatasetCase) -> None:
    """Content and style are what the spec announces.

    Breaks: `unbraid list datasets` promises a style that is not there.

    Mend: `content=` and `style=` of the spec are the names of the labels, or None where settings decide.
    """
    data = case.dataset
    found = {"content": data.content.name, "style": None if data.style is None else data.style.name}
    for role, name in found.items():
        promised = getattr(case.spec, role)
        require(promised in (None, name), f"another {role} than announced", expected=promised, found=name)

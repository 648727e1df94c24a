"""The reference of hooks and specs, written from their docstrings: `python -m unbraid.registry.reference`.

Prints `docs/reference_plugins.md`.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from unbraid.registry import hookspecs, specs
from unbraid.registry.declaring import HOOKS
from unbraid.registry.manager import HOOK_PREFIX
from unbraid.registry.specs import Spec

_HEAD = """\
# Hooks and specs

<!-- Written by `python -m unbraid.registry.reference > docs/reference_plugins.md`. -->

A plug-in is an installed distribution with an entry point in the group `unbraid` that names a module, its manifest. The
manifest holds one or more of the functions below under `@hookimpl`, and imports nothing heavy: what its specs point
at is imported when somebody uses it. [How to write one](write_a_plugin.md), [what may change](stability.md),
[what is checked](conformance.md).
"""


def hooks() -> dict[str, Callable[..., object]]:
    """Give the hook specifications by name, in the order of their module."""
    return {name: value for name, value in vars(hookspecs).items() if name.startswith(HOOK_PREFIX)}


def described_arguments(hook: Callable[..., object]) -> dict[str, str]:
    """Give what the docstring of a hook says of each of its arguments.

    >>> sorted(described_arguments(hooks()["unbraid_adapt"]))
    ['hint', 'model']
    """
    return dict(_entries(_section(inspect.getdoc(hook) or "", "Args")))


def described_fields(spec: type[Spec]) -> dict[str, str]:
    """Give what the `#:` comment above each field of a spec says, inherited fields first.

    >>> described_fields(specs.BackboneSpec)["inverse"]
    '`exact` (bijection), `amortised` (learned decoder) or `none`.'
    """
    found: dict[str, str] = {}
    for each in reversed(spec.__mro__):
        if issubclass(each, Spec):
            found |= _commented(each)
    return {field.name: found.get(field.name, "") for field in fields(spec)}


def page() -> str:
    """Write the page."""
    parts = [_HEAD, "## Hooks\n", *(_hook(name, hook) for name, hook in hooks().items())]
    parts += ["## Fields of every spec\n", _table(specs.Spec, described_fields(specs.Spec))]
    parts += [_spec(spec) for spec in HOOKS.values()]
    return "\n".join(parts)


def _hook(name: str, hook: Callable[..., object]) -> str:
    text = inspect.getdoc(hook) or ""
    signature = inspect.signature(hook)
    arguments = ", ".join(f"{p.name}: {_type(p.annotation)}" for p in signature.parameters.values())
    body = [f"### `{name}({arguments}) -> {_type(signature.return_annotation)}`\n", _prose(text)]
    body += [f"- `{argument}`: {said}" for argument, said in described_arguments(hook).items()]
    body += [""] if signature.parameters else []
    body += [f"Returns {_lowered(_joined(_section(text, 'Returns')))}\n"]
    return "\n".join(body)


def _spec(spec: type[Spec]) -> str:
    own = {name: said for name, said in described_fields(spec).items() if name not in described_fields(specs.Spec)}
    head = f"## `{spec.__name__}`\n\n{_prose(inspect.getdoc(spec) or '')}"
    return f"{head}\n{_table(spec, own)}" if own else f"{head}\nNo further fields.\n"


def _table(spec: type[Spec], described: dict[str, str]) -> str:
    known = {field.name: field for field in fields(spec)}
    rows = [
        f"| `{name}` | {_type(known[name].type)} | {_default(known[name])} | {said} |"
        for name, said in described.items()
    ]
    escaped = [row.replace(" | None", " or None") for row in rows]
    return "\n".join(["| field | type | default | meaning |", "| --- | --- | --- | --- |", *escaped, ""])


def _default(field: "Field[Any]") -> str:
    if field.default is not MISSING:
        return f"`{sorted(field.default) if isinstance(field.default, frozenset) else field.default!r}`"
    return "required" if field.default_factory is MISSING else f"`{field.default_factory()!r}`"


def _type(annotation: Any) -> str:
    """Write a type as an author would, without the modules."""
    written = annotation.__name__ if type(annotation) is type else str(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", written)


def _commented(spec: type[Spec]) -> dict[str, str]:
    """Give the `#:` comments above the fields in the body of one class."""
    lines = textwrap.dedent(inspect.getsource(spec)).splitlines()
    body = ast.parse("\n".join(lines)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = _comment_above(lines, node.lineno - 1)
    return found


def _comment_above(lines: list[str], row: int) -> str:
    comment: list[str] = []
    while row and lines[row - 1].strip().startswith("#:"):
        row -= 1
        comment.insert(0, lines[row].strip().removeprefix("#:").strip())
    return " ".join(comment)


def _section(text: str, name: str) -> list[str]:
    """Give the indented lines of a section of a docstring, `Args:` say."""
    found = re.search(rf"^{name}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    return textwrap.dedent(found[1]).splitlines() if found else []


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Give `name: what it is` of the lines of a section; what is indented goes on."""
    for entry in re.split(r"\n(?=\S)", "\n".join(lines)):
        name, colon, said = entry.partition(":")
        if colon:
            yield name, " ".join(said.split())


def _prose(text: str) -> str:
    """Give the paragraphs of a docstring that stand before its first section."""
    return re.split(r"^\w+:\n", text, maxsplit=1, flags=re.MULTILINE)[0].strip() + "\n"


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - this is what it is for
